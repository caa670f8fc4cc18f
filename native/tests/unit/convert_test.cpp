#include "oft/convert.hpp"

#include <algorithm>

#include "oft/checkpoint.hpp"
#include "oft/checkpoint_merge.hpp"
#include "oft/merge.hpp"
#include "src/low_rank.hpp"
#include "support.hpp"

namespace oft {
namespace {

using namespace testing;
using Tensors = std::map<std::string, at::Tensor>;

at::Tensor random_q(std::int64_t rows, std::int64_t b, double sigma = 0.2) {
  return at::randn({rows, b * (b - 1) / 2}) * sigma;
}

class Convert : public FolderTest {
 protected:
  ConvertReport run(const AdapterFile& adapter, const std::string& name, ConvertOptions options) {
    options.sync = false;
    return convert_adapter(adapter, folder_ / name, options);
  }

  /// Writes a base, gives its path.
  fs::path base(const Tensors& tensors) {
    write_tensors(folder_ / "base.safetensors", tensors);
    return folder_ / "base.safetensors";
  }

  SafetensorsFile open(const std::string& name) const {
    return SafetensorsFile::open(folder_ / name);
  }

  /// The adapter merged into the test data's base model.
  Tensors merged(const fs::path& adapter) {
    const fs::path target = folder_ / ("merged-" + std::to_string(merges_++));
    CheckpointMerge(data_dir() / "base").adapter(adapter).write_to(target);
    const SafetensorsFile file = SafetensorsFile::open(target / "model.safetensors");
    Tensors tensors;
    for (const SafetensorsEntry& entry : file.entries())
      tensors[entry.name] = read_tensor(file, entry.name);
    return tensors;
  }

  void expect_equal(const Tensors& one, const Tensors& other, double tolerance) {
    ASSERT_EQ(one.size(), other.size());
    for (const auto& [name, tensor] : one)
      EXPECT_LE(max_difference(tensor, other.at(name)), tolerance) << name;
  }

  int merges_ = 0;
};

TEST_F(Convert, EveryExactAdapterGoesToTheNewFormatAndBack) {
  int converted = 0;
  for (const std::string name : {"exact", "r-given", "regex", "coft", "peft-0.17-exact",
                                 "modules-to-save", "neumann", "embedding", "shared"}) {
    SCOPED_TRACE(name);
    const fs::path source = data_dir() / "adapters" / name;
    const AdapterFile adapter = AdapterFile::load(source);
    const ConvertReport report = run(adapter, name, {});
    EXPECT_TRUE(report.exact);
    EXPECT_LT(report.error, 1e-6);
    EXPECT_EQ(report.files.size(), 2U);
    expect_equal(merged(folder_ / name), merged(source), 2e-6);
    const AdapterFile again = AdapterFile::load(folder_ / name);
    EXPECT_EQ(again.maker(), "PEFT 0.21.0");
    ++converted;
  }
  EXPECT_EQ(converted, 9);
}

TEST_F(Convert, TheRadiusOfOlderVersionsGoesIntoTheParameters) {
  AdapterFile old = AdapterFile::load(data_dir() / "adapters/peft-0.15-coft-shared");
  for (AdapterLayer& layer : old.layers) layer.row_scale = at::ones_like(layer.row_scale);
  expect_error(Status::kInvalidArgument, {"COFT", "base model"}, [&] { run(old, "a", {}); });
  const ConvertReport report = run(old, "a", {.base = data_dir() / "base"});
  EXPECT_TRUE(report.exact);
  const AdapterFile again = AdapterFile::load(folder_ / "a");
  EXPECT_FALSE(again.config.coft);
  EXPECT_TRUE(again.config.block_share);
  const SafetensorsFile weights = SafetensorsFile::open(data_dir() / "base/model.safetensors");
  for (const AdapterLayer& layer : old.layers) {
    const std::vector<std::int64_t>& shape = weights.find(layer.name + ".weight")->shape;
    const LayerKind kind = shape.size() == 4 ? LayerKind::kConv2d : LayerKind::kLinear;
    const auto r = [&](const AdapterFile& file) {
      return file.rotations(file.layer(layer.name), kind, shape)[0].matrices(at::kDouble);
    };
    EXPECT_LT(max_difference(r(old), r(again)), 1e-6);
  }
}

TEST_F(Convert, EveryExactAdapterGoesToPeft015AndBack) {
  int converted = 0;
  for (const std::string name :
       {"exact", "peft-0.14", "peft-0.15", "peft-0.15-coft-shared", "peft-0.17-exact"}) {
    SCOPED_TRACE(name);
    const fs::path source = data_dir() / "adapters" / name;
    const ConvertReport report =
        run(AdapterFile::load(source), name,
            {.to = ConvertTarget::kPeftLegacy, .base = data_dir() / "base"});
    EXPECT_TRUE(report.exact);
    expect_equal(merged(folder_ / name), merged(source), 2e-6);
    const AdapterFile again = AdapterFile::load(folder_ / name);
    EXPECT_EQ(again.format, AdapterFormat::kPeftLegacy);
    ++converted;
  }
  EXPECT_EQ(converted, 5);
  const json config = read_json(folder_ / "exact/adapter_config.json");
  EXPECT_FALSE(config.contains("use_cayley_neumann"));
  EXPECT_FALSE(config.contains("peft_version"));
}

TEST_F(Convert, OneSeriesForAnotherStatesItsError) {
  at::manual_seed(61);
  const AdapterFile exact = peft_adapter({{"fc", random_q(3, 4, 0.1)}});
  const ConvertReport there = run(exact, "neumann", {.formula = Formula::kCayleyNeumann});
  EXPECT_FALSE(there.exact);
  const AdapterFile neumann = AdapterFile::load(folder_ / "neumann");
  EXPECT_TRUE(neumann.config.use_cayley_neumann);
  EXPECT_TRUE(neumann.layers[0].factors[0].q.equal(-exact.layers[0].factors[0].q));
  const at::Tensor difference = neumann.rotation(neumann.layers[0], 12).matrices(at::kDouble) -
                                exact.rotation(exact.layers[0], 12).matrices(at::kDouble);
  EXPECT_NEAR(there.error, difference.flatten(1).norm(2, {1}).max().item<double>(), 1e-12);
  EXPECT_GT(there.error, 1e-6);

  const ConvertReport back = run(neumann, "exact", {.formula = Formula::kCayley});
  const AdapterFile again = AdapterFile::load(folder_ / "exact");
  // Five terms stretch a plane and turn it as the negated parameters do.
  EXPECT_LT(max_difference(again.layers[0].factors[0].q, exact.layers[0].factors[0].q), 1e-6);
  EXPECT_NEAR(back.error, there.error, 1e-6);
}

TEST_F(Convert, TheSeriesOfOlderVersionsNeedsAFormula) {
  const AdapterFile old = AdapterFile::load(data_dir() / "adapters/peft-0.17");
  expect_error(Status::kUnsupported, {"0.16-0.17", "'cayley'"}, [&] { run(old, "a", {}); });
  EXPECT_FALSE(fs::exists(folder_ / "a"));
  const ConvertReport report = run(old, "b", {.formula = Formula::kCayley});
  EXPECT_GT(report.error, 0);
  const AdapterFile exact = AdapterFile::load(folder_ / "b");
  for (const AdapterLayer& layer : exact.layers) {
    const std::int64_t features =
        layer.factors[0].q.size(0) * block_size_of(layer.factors[0].q.size(1));
    const at::Tensor r = old.rotation(old.layer(layer.name), features).matrices(at::kDouble);
    const auto [u, s, vh] = at::linalg_svd(r);
    EXPECT_LT(max_difference(exact.rotation(layer, features).matrices(at::kDouble), u.matmul(vh)),
              1e-5);
  }
}

TEST_F(Convert, ForeignAdaptersGoToLycorisAndBack) {
  int converted = 0;
  for (const std::string name : {"lycoris-diag", "lycoris-old", "lycoris-boft", "kohya"}) {
    SCOPED_TRACE(name);
    const AdapterFile source = AdapterFile::load(data_dir() / "foreign" / (name + ".safetensors"));
    const ConvertReport report =
        run(source, name + ".safetensors", {.to = ConvertTarget::kLycoris, .force = true});
    EXPECT_TRUE(report.exact);
    const AdapterFile again = AdapterFile::load(folder_ / (name + ".safetensors"));
    EXPECT_EQ(again.maker().rfind("LyCORIS", 0), 0U);
    ASSERT_EQ(again.layers.size(), source.layers.size());
    for (std::size_t i = 0; i < source.layers.size(); ++i) {
      const AdapterLayer& left = source.layers[i];
      const AdapterLayer& right = again.layers[i];
      EXPECT_EQ(left.name, right.name);
      EXPECT_EQ(left.component, right.component);
      ASSERT_EQ(left.factors.size(), right.factors.size());
      for (std::size_t k = 0; k < left.factors.size(); ++k) {
        EXPECT_LT(max_difference(left.factors[k].q, right.factors[k].q), 1e-6);
        EXPECT_EQ(left.factors[k].butterfly, right.factors[k].butterfly);
      }
      EXPECT_EQ(left.row_scale.defined(), right.row_scale.defined());
      if (left.row_scale.defined()) {
        EXPECT_LT(max_difference(left.row_scale, right.row_scale), 1e-6);
      }
    }
    ++converted;
  }
  EXPECT_EQ(converted, 4);
}

TEST_F(Convert, ForeignAdaptersBecomeTheChangeThatTheirMakerMakes) {
  int compared = 0;
  for (const std::string name : {"lycoris-diag", "lycoris-old", "lycoris-boft", "kohya",
                                 "kohya-flux", "onetrainer", "onetrainer-shared"}) {
    SCOPED_TRACE(name);
    const fs::path foreign = data_dir() / "foreign";
    const bool is_flux = name == "kohya-flux";
    const fs::path base = foreign / (is_flux ? "transformer.safetensors" : "pipeline");
    const AdapterFile source = AdapterFile::load(foreign / (name + ".safetensors"));
    const ConvertReport report =
        run(source, name + ".safetensors", {.to = ConvertTarget::kFull, .base = base});
    EXPECT_TRUE(report.exact);
    EXPECT_EQ(report.layers.size(), source.layers.size());
    const SafetensorsFile merged =
        SafetensorsFile::open(foreign / "expected" / (name + ".safetensors"));
    const SafetensorsFile changes = open(name + ".safetensors");
    EXPECT_EQ(changes.entries().size(), merged.entries().size());
    for (const ConvertedLayer& layer : report.layers) {
      const Checkpoint model = Checkpoint::open(is_flux ? base : base / fs::path(layer.component));
      const std::string component = is_flux ? "transformer" : layer.component;
      const std::string prefix = component == "text_encoder" ? "lora_te_" : "lora_unet_";
      std::string flat = layer.name;
      std::replace(flat.begin(), flat.end(), '.', '_');
      const at::Tensor weight =
          read_tensor(model.files()[0], model.find(layer.name + ".weight")->entry->name);
      EXPECT_LT(max_difference(weight + read_tensor(changes, prefix + flat + ".diff"),
                               read_tensor(merged, component + "." + layer.name + ".weight")),
                2e-6)
          << layer.name;
      ++compared;
    }
  }
  EXPECT_GE(compared, 20);
}

TEST_F(Convert, OneTrainerGoesToPeftWithItsBase) {
  const fs::path foreign = data_dir() / "foreign";
  for (const std::string name : {"onetrainer", "onetrainer-shared"}) {
    SCOPED_TRACE(name);
    const AdapterFile source = AdapterFile::load(foreign / (name + ".safetensors"));
    expect_error(Status::kInvalidArgument, {"several models", "'unet'"},
                 [&] { run(source, name, {.base = foreign / "pipeline"}); });
    const ConvertReport report =
        run(source, name, {.base = foreign / "pipeline", .component = "unet"});
    EXPECT_TRUE(report.exact);
    const AdapterFile again = AdapterFile::load(folder_ / name);
    EXPECT_TRUE(again.config.use_cayley_neumann);
    EXPECT_EQ(again.maker(), "PEFT 0.21.0");
    const SafetensorsFile merged =
        SafetensorsFile::open(foreign / "expected" / (name + ".safetensors"));
    const Checkpoint model = Checkpoint::open(foreign / "pipeline/unet");
    for (const AdapterLayer& layer : again.layers) {
      const at::Tensor weight =
          read_tensor(model.files()[0], model.find(layer.name + ".weight")->entry->name);
      const LayerKind kind = weight.dim() == 4 ? LayerKind::kConv2d : LayerKind::kLinear;
      EXPECT_LT(
          max_difference(merge_weight(weight, kind, again.rotations(layer, kind, weight.sizes())),
                         read_tensor(merged, "unet." + layer.name + ".weight")),
          2e-6)
          << layer.name;
    }
  }
  expect_error(Status::kInvalidArgument, {"OneTrainer", "base model"}, [&] {
    run(AdapterFile::load(foreign / "onetrainer.safetensors").component("unet"), "a", {});
  });
}

TEST_F(Convert, OneComponentOfSeveralCanBeTaken) {
  const AdapterFile source = AdapterFile::load(data_dir() / "foreign/lycoris-diag.safetensors");
  const ConvertReport report =
      run(source, "unet.safetensors",
          {.to = ConvertTarget::kLycoris, .component = "unet", .force = true});
  EXPECT_LT(report.layers.size(), source.layers.size());
  for (const ConvertedLayer& layer : report.layers) EXPECT_EQ(layer.component, "unet");
  expect_error(Status::kInvalidArgument, {"no layer"}, [&] {
    run(source, "a.safetensors", {.to = ConvertTarget::kLycoris, .component = "vae"});
  });
}

TEST_F(Convert, FusedLayersOfOneBlockSizeBecomeOne) {
  at::manual_seed(62);
  AdapterFile fused{OFTConfig()};
  fused.format = AdapterFormat::kKohya;
  AdapterLayer layer{.name = "qkv", .side = Side::kOutput, .component = "transformer"};
  layer.factors = {{.q = random_q(4, 4)}, {.q = random_q(2, 4), .first_feature = 16}};
  fused.layers.push_back(layer);
  const ConvertReport report = run(fused, "a.safetensors", {.to = ConvertTarget::kLycoris});
  EXPECT_TRUE(report.exact);
  const AdapterFile again = AdapterFile::load(folder_ / "a.safetensors");
  ASSERT_EQ(again.layers[0].factors.size(), 1U);
  EXPECT_LT(max_difference(again.layers[0].factors[0].q,
                           at::cat({layer.factors[0].q, layer.factors[1].q})),
            1e-6);
  EXPECT_NE(open("a.safetensors").find("lora_unet_qkv.oft_blocks"), nullptr);
  EXPECT_NE(open("a.safetensors").find("lora_unet_qkv.alpha"), nullptr);

  fused.layers[0].factors[1].q = random_q(4, 2);
  expect_error(Status::kUnsupported, {"'qkv'", "4", "2"},
               [&] { run(fused, "b.safetensors", {.to = ConvertTarget::kLycoris}); });
}

TEST_F(Convert, BlocksLargerThanTheirNumberAreNotForLycoris) {
  AdapterFile file{OFTConfig()};
  file.format = AdapterFormat::kKohya;
  AdapterLayer layer{.name = "fc", .side = Side::kOutput};
  layer.factors = {{.q = random_q(2, 4)}};
  file.layers.push_back(layer);
  expect_error(Status::kUnsupported, {"'fc'", "2 blocks of 4"},
               [&] { run(file, "a.safetensors", {.to = ConvertTarget::kLycoris}); });
  EXPECT_TRUE(folder_.empty() || !fs::exists(folder_ / "a.safetensors"));
  const ConvertReport report =
      run(file, "a.safetensors", {.to = ConvertTarget::kLycoris, .force = true});
  EXPECT_EQ(report.left_out, std::vector<std::string>{"fc"});
  EXPECT_NE(open("a.safetensors").find("lycoris_fc.oft_blocks"), nullptr);
}

TEST_F(Convert, SidesThatAFormatLacksAreRefusedWithTheReason) {
  const AdapterFile input = peft_adapter({{"fc", random_q(2, 4)}});
  expect_error(Status::kUnsupported, {"'fc'", "inputs", "outputs", "lora"},
               [&] { run(input, "a.safetensors", {.to = ConvertTarget::kLycoris}); });
  const AdapterFile output = AdapterFile::load(data_dir() / "foreign/lycoris-diag.safetensors");
  for (const ConvertTarget to : {ConvertTarget::kPeft, ConvertTarget::kPeftLegacy})
    expect_error(Status::kUnsupported, {"LyCORIS", "outputs", "lora"},
                 [&] { run(output, "b", {.to = to}); });
  const AdapterFile scaled = AdapterFile::load(data_dir() / "adapters/peft-0.14");
  expect_error(Status::kUnsupported, {"scales"}, [&] { run(scaled, "c", {}); });
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(Convert, DifferencesAddUpToTheMergedWeights) {
  at::manual_seed(63);
  const at::Tensor w = at::randn({10, 8});
  const at::Tensor conv = at::randn({6, 2, 3, 3});
  const fs::path path =
      base({{"down.fc.weight", w}, {"down.fc.bias", at::zeros({10})}, {"conv.weight", conv}});
  AdapterFile adapter = peft_adapter({{"down.fc", random_q(2, 4)}});
  adapter.config.rank_pattern = {{"conv", 6}};
  adapter.put("conv", false, random_q(3, 6));
  adapter.replacements["down.fc.bias"] = at::ones({10});
  const ConvertReport report = run(adapter, "full.safetensors",
                                   {.to = ConvertTarget::kFull, .base = path, .component = "unet"});
  EXPECT_TRUE(report.exact);
  EXPECT_FALSE(report.formula);
  const SafetensorsFile file = open("full.safetensors");
  const auto merge = [&](const std::string& name, const at::Tensor& weight, LayerKind kind) {
    return merge_weight(weight, kind, adapter.rotations(adapter.layer(name), kind, weight.sizes()));
  };
  EXPECT_LT(max_difference(w + read_tensor(file, "lora_unet_down_fc.diff"),
                           merge("down.fc", w, LayerKind::kLinear)),
            1e-6);
  EXPECT_LT(max_difference(conv + read_tensor(file, "lora_unet_conv.diff"),
                           merge("conv", conv, LayerKind::kConv2d)),
            1e-6);
  EXPECT_TRUE(read_tensor(file, "lora_unet_down_fc.diff_b").equal(at::ones({10})));
}

TEST_F(Convert, LoraOfFullRankIsTheWholeChange) {
  at::manual_seed(64);
  const Tensors weights{{"fc.weight", at::randn({10, 8})},
                        {"conv.weight", at::randn({6, 2, 2, 2})},
                        {"embed.weight", at::randn({12, 8})}};
  AdapterFile adapter = peft_adapter({{"conv", random_q(2, 4)}, {"fc", random_q(2, 4)}});
  adapter.put("embed", true, random_q(2, 4));
  adapter.config.bias = "oft_only";
  adapter.replacements["fc.bias"] = at::ones({10});
  const ConvertReport report =
      run(adapter, "lora", {.to = ConvertTarget::kLora, .base = base(weights), .rank = 8});
  EXPECT_FALSE(report.exact);
  EXPECT_NEAR(*report.energy_kept, 1, 1e-9);
  EXPECT_LT(report.error, 1e-5);
  const SafetensorsFile file = open("lora/adapter_model.safetensors");
  const auto tensor = [&](const std::string& name) {
    return read_tensor(file, "base_model.model." + name);
  };
  const auto change = [&](const std::string& name, LayerKind kind) {
    const at::Tensor& weight = weights.at(name + ".weight");
    return merge_weight(weight, kind,
                        adapter.rotations(adapter.layer(name), kind, weight.sizes())) -
           weight;
  };
  EXPECT_LT(max_difference(tensor("fc.lora_B.weight").matmul(tensor("fc.lora_A.weight")),
                           change("fc", LayerKind::kLinear)),
            1e-5);
  const at::Tensor a = tensor("conv.lora_A.weight");
  const at::Tensor b = tensor("conv.lora_B.weight");
  EXPECT_EQ(a.sizes(), at::IntArrayRef({8, 2, 2, 2}));
  EXPECT_EQ(b.sizes(), at::IntArrayRef({6, 8, 1, 1}));
  EXPECT_LT(max_difference(b.flatten(1).matmul(a.flatten(1)),
                           change("conv", LayerKind::kConv2d).flatten(1)),
            1e-5);
  EXPECT_LT(
      max_difference(tensor("embed.lora_embedding_B").matmul(tensor("embed.lora_embedding_A")),
                     change("embed", LayerKind::kEmbedding).t()),
      1e-5);
  EXPECT_TRUE(tensor("fc.base_layer.bias").equal(at::ones({10})));
  const json config = read_json(folder_ / "lora/adapter_config.json");
  EXPECT_EQ(config["peft_type"], "LORA");
  EXPECT_EQ(config["r"], 8);
  EXPECT_EQ(config["lora_alpha"], 8);
  EXPECT_EQ(config["bias"], "lora_only");
}

TEST_F(Convert, LoraReportsWhatItKeeps) {
  at::manual_seed(65);
  const at::Tensor w = at::randn({64, 32});
  const AdapterFile adapter = peft_adapter({{"fc", random_q(4, 8)}});
  const at::Tensor change = merge_weight(w.to(at::kDouble), LayerKind::kLinear,
                                         {adapter.rotation(adapter.layer("fc"), 32)}) -
                            w;
  const at::Tensor squares = at::linalg_svdvals(change).square();
  for (const std::int64_t rank : {1, 5}) {
    const ConvertReport report =
        run(adapter, "lora-" + std::to_string(rank),
            {.to = ConvertTarget::kLora, .base = base({{"fc.weight", w}}), .rank = rank});
    const double kept =
        squares.narrow(0, 0, rank).sum().item<double>() / squares.sum().item<double>();
    EXPECT_NEAR(*report.energy_kept, kept, 1e-6);
    EXPECT_NEAR(*report.layers[0].energy_kept, kept, 1e-6);
    EXPECT_EQ(*report.layers[0].rank, rank);
    EXPECT_NEAR(report.layers[0].error, std::sqrt(1 - kept), 1e-6);
  }
}

TEST(LowRank, RandomProjectionsComeNearTheBestApproximation) {
  at::manual_seed(66);
  const at::Tensor matrix = at::randn({400, 300}, at::kDouble);
  const LowRank result = low_rank(matrix, 20);
  EXPECT_EQ(result.b.sizes(), at::IntArrayRef({400, 20}));
  EXPECT_EQ(result.a.sizes(), at::IntArrayRef({20, 300}));
  const at::Tensor values = at::linalg_svdvals(matrix);
  const double best = values.slice(0, 20).norm().item<double>();
  EXPECT_LT(result.residual, best * 1.005);  // noise, whose values hardly decay, is the worst case
  EXPECT_GE(result.residual, best * (1 - 1e-6));
  EXPECT_TRUE(low_rank(matrix, 20).a.equal(result.a));
}

TEST_F(Convert, WhatIsMissingIsNamedAndNothingStays) {
  const AdapterFile adapter = peft_adapter({{"fc", random_q(2, 4)}});
  for (const ConvertTarget to :
       {ConvertTarget::kFull, ConvertTarget::kLora, ConvertTarget::kPeftLegacy})
    expect_error(Status::kInvalidArgument, {"needs the base model"},
                 [&] { run(adapter, "a", {.to = to}); });
  const fs::path other = base({{"fd.weight", at::ones({4, 8})}});
  for (const ConvertTarget to : {ConvertTarget::kFull, ConvertTarget::kLora})
    expect_error(Status::kUnsupported, {"'fc'", "'fd'", "force"},
                 [&] { run(adapter, "a", {.to = to, .base = other}); });
  EXPECT_FALSE(fs::exists(folder_ / "a"));
  run(adapter, "b", {});
  expect_error(Status::kInvalidArgument, {"exists already"}, [&] { run(adapter, "b", {}); });
  run(adapter, "b", {.force = true});
  expect_error(Status::kInvalidArgument, {"NaN"}, [&] {
    run(peft_adapter({{"fc", at::full({2, 6}, NAN)}}), "c", {});
  });
  for (const auto& item : fs::directory_iterator(folder_))
    EXPECT_FALSE(item.path().filename().string().ends_with(".tmp"));
}

TEST_F(Convert, OptionsAreChecked) {
  const ConvertOptions options = ConvertOptions::from_json(
      R"({"to": "lora", "rank": 4, "base": "b", "formula": "cayley", "dtype": "float16",
          "component": "unet", "force": true, "sync": false})");
  EXPECT_EQ(options.to, ConvertTarget::kLora);
  EXPECT_EQ(options.rank, 4);
  EXPECT_EQ(options.formula, Formula::kCayley);
  EXPECT_EQ(options.dtype, at::kHalf);
  expect_error(Status::kInvalidArgument, {"to", "peft"}, [] { ConvertOptions::from_json("{}"); });
  expect_error(Status::kInvalidArgument, {"to", "gguf"},
               [] { ConvertOptions::from_json(R"({"to": "gguf"})"); });
  expect_error(Status::kInvalidArgument, {"rank", "1 or more"},
               [] { ConvertOptions::from_json(R"({"to": "lora", "rank": 0})"); });
  expect_error(Status::kInvalidArgument, {"formula"},
               [] { ConvertOptions::from_json(R"({"to": "peft", "formula": "exp"})"); });
}

}  // namespace
}  // namespace oft
