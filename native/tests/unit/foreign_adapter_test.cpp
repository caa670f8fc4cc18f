#include "foreign_adapter.hpp"

#include <utility>

#include "adapter_tensors.hpp"
#include "oft/check.hpp"
#include "oft/checkpoint.hpp"
#include "oft/checkpoint_merge.hpp"
#include "oft/merge.hpp"
#include "support.hpp"

namespace oft {
namespace {

using namespace testing;

using Tensors = std::map<std::string, at::Tensor>;

fs::path foreign() { return data_dir() / "foreign"; }

/// A file that a maker's formula was evaluated for, by make_foreign_adapters.py.
struct Golden {
  std::string name;
  std::string maker;
  Side side;
  std::size_t factors;  // of the layer that has most
  std::string base = "pipeline";
};

void PrintTo(const Golden& golden, std::ostream* out) { *out << golden.name; }

const std::vector<Golden>& goldens() {
  static const std::vector<Golden> all{
      {"lycoris-diag", "LyCORIS diag-oft", Side::kOutput, 1},
      {"lycoris-old", "LyCORIS diag-oft", Side::kOutput, 1},
      {"lycoris-boft", "LyCORIS BOFT", Side::kOutput, 3},
      {"kohya", "kohya sd-scripts", Side::kOutput, 1},
      {"kohya-flux", "kohya sd-scripts", Side::kOutput, 4, "transformer.safetensors"},
      {"onetrainer", "OneTrainer", Side::kInput, 1},
      {"onetrainer-shared", "OneTrainer", Side::kInput, 1},
  };
  return all;
}

class ForeignAdapter : public ::testing::TestWithParam<Golden> {
 protected:
  fs::path file() const { return foreign() / (GetParam().name + ".safetensors"); }
  fs::path base() const { return foreign() / GetParam().base; }
  /// Merged weights by component, dot, and module.
  Tensors expected() const {
    return read_adapter_tensors(foreign() / "expected" / file().filename());
  }
};

INSTANTIATE_TEST_SUITE_P(Makers, ForeignAdapter, ::testing::ValuesIn(goldens()),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(ForeignAdapter, IsReadAndNamed) {
  const AdapterFile adapter = AdapterFile::load(file());
  EXPECT_EQ(adapter.maker(), GetParam().maker);
  EXPECT_EQ(adapter.layers.size(), expected().size());
  EXPECT_TRUE(adapter.unused_keys.empty());
  // Of this one only names tell who wrote it.
  EXPECT_EQ(adapter.warnings.empty(), GetParam().name != "onetrainer-shared");
  std::size_t factors = 0;
  for (const AdapterLayer& layer : adapter.layers) {
    EXPECT_EQ(layer.side, GetParam().side);
    factors = std::max(factors, layer.factors.size());
  }
  EXPECT_EQ(factors, GetParam().factors);
  EXPECT_NO_THROW(adapter.config.validate());
  const json description = json::parse(describe_path(file()));
  EXPECT_EQ(description["type"], "adapter");
  EXPECT_EQ(description["maker"], GetParam().maker);
  EXPECT_EQ(description["layers"].size(), expected().size());
}

TEST_P(ForeignAdapter, MergesAsItsMakerDoes) {
  const TemporaryFolder folder;
  const bool is_pipeline = GetParam().base == "pipeline";
  const fs::path target = folder / (is_pipeline ? "merged" : "merged.safetensors");
  CheckpointMergeOptions options;
  options.verify = true;
  const MergeReport report =
      CheckpointMerge(base()).options(options).adapter(file()).write_to(target);
  EXPECT_TRUE(report.verified);

  Tensors rest = expected();
  EXPECT_EQ(report.layers.size(), rest.size());
  const std::vector<std::string> components =
      is_pipeline ? pipeline_components(base()) : std::vector<std::string>{""};
  for (const std::string& component : components) {
    const Checkpoint before = Checkpoint::open(is_pipeline ? base() / component : base());
    const Checkpoint after = Checkpoint::open(is_pipeline ? target / component : target);
    for (const auto& [name, location] : before.tensors()) {
      SCOPED_TRACE(name);
      const at::Tensor merged = read_tensor(after.files().front(), after.find(name)->entry->name);
      const at::Tensor original = read_tensor(before.files().front(), location.entry->name);
      const std::string key = (is_pipeline ? component : "transformer") + "." + name;
      const auto wanted = rest.find(key);
      if (wanted == rest.end()) {
        EXPECT_TRUE(merged.equal(original));
        continue;
      }
      EXPECT_LT(max_difference(merged, wanted->second), 1e-6);
      rest.erase(wanted);
    }
  }
  EXPECT_TRUE(rest.empty()) << rest.begin()->first;
}

TEST_P(ForeignAdapter, MergesAWeightAndTakesItBack) {
  const Tensors wanted = expected();
  std::size_t merged_layers = 0;
  for (const std::string& component : AdapterFile::load(file()).components()) {
    AdapterFile adapter = AdapterFile::load(file()).component(component);
    const bool is_pipeline = GetParam().base == "pipeline";
    const std::string folder = component.empty() ? "unet" : component;
    const Checkpoint model = Checkpoint::open(is_pipeline ? base() / folder : base());
    adapter.resolve_names(model.layers());
    for (const AdapterLayer& layer : adapter.layers) {
      SCOPED_TRACE(layer.name);
      const auto* location = model.find(layer.name + ".weight");
      ASSERT_NE(location, nullptr);
      const at::Tensor weight = read_tensor(model.files().front(), location->entry->name);
      const LayerKind kind = weight.dim() == 4 ? LayerKind::kConv2d : LayerKind::kLinear;
      const std::vector<Rotation> rotations = adapter.rotations(layer, kind, weight.sizes());
      const at::Tensor merged = merge_weight(weight, kind, rotations);
      EXPECT_LT(max_difference(merged, wanted.at(folder + "." + layer.name + ".weight")), 1e-6);
      EXPECT_LT(max_difference(unmerge_weight(merged, kind, rotations), weight), 1e-6);
      ++merged_layers;
    }
  }
  EXPECT_EQ(merged_layers, wanted.size());
}

TEST_P(ForeignAdapter, ChecksWithoutAProblem) {
  // OneTrainer's truncated series is a rotation only nearly.
  const bool is_exact = GetParam().side == Side::kOutput;
  const CheckReport report = check_adapter(base(), file(), is_exact ? 1e-5 : 1.0);
  EXPECT_TRUE(report.problems.empty()) << report.problems.front();
  EXPECT_TRUE(report.missing.empty());
  EXPECT_EQ(report.maker, GetParam().maker);
  EXPECT_EQ(report.layers.size(), expected().size());
  const AdapterFile adapter = AdapterFile::load(file());
  const bool is_rescaled =
      std::any_of(adapter.layers.begin(), adapter.layers.end(),
                  [](const AdapterLayer& layer) { return layer.row_scale.defined(); });
  for (const CheckedLayer& layer : report.layers) {
    EXPECT_EQ(layer.side, side_name(GetParam().side));
    if (is_exact && !is_rescaled) {
      EXPECT_NEAR(layer.energy_after, layer.energy_before, 1e-6) << layer.name;
    }
  }
}

TEST(ForeignAdapterFile, PickleEqualsSafetensors) {
  const AdapterFile pickled = AdapterFile::load(foreign() / "kohya-flux.pt");
  const AdapterFile mapped = AdapterFile::load(foreign() / "kohya-flux.safetensors");
  ASSERT_EQ(pickled.layers.size(), mapped.layers.size());
  for (std::size_t i = 0; i < mapped.layers.size(); ++i) {
    EXPECT_EQ(pickled.layers[i].name, mapped.layers[i].name);
    ASSERT_EQ(pickled.layers[i].factors.size(), mapped.layers[i].factors.size());
    for (std::size_t k = 0; k < mapped.layers[i].factors.size(); ++k)
      EXPECT_TRUE(pickled.layers[i].factors[k].q.equal(mapped.layers[i].factors[k].q));
  }
  EXPECT_EQ(json::parse(describe_path(foreign() / "kohya-flux.pt"))["type"], "adapter");
}

TEST(ForeignAdapterFile, OneFileInAFolderIsFound) {
  const TemporaryFolder folder;
  fs::copy(foreign() / "kohya.safetensors", folder / "mine.safetensors");
  EXPECT_EQ(AdapterFile::load(folder.path()).maker(), "kohya sd-scripts");
  EXPECT_EQ(json::parse(describe_path(folder.path()))["type"], "adapter");
  fs::copy(foreign() / "kohya.safetensors", folder / "other.safetensors");
  expect_error(Status::kInvalidArgument, {"mine.safetensors", "other.safetensors"},
               [&] { AdapterFile::load(folder.path()); });
}

TEST(ForeignAdapterFile, MergesIntoAnOriginalCheckpointOfAllComponents) {
  const TemporaryFolder folder;
  const json names = read_json(foreign() / "original_names.json");
  for (const char* name : {"lycoris-diag", "kohya", "onetrainer-shared"}) {
    SCOPED_TRACE(name);
    const fs::path target = folder / (std::string(name) + ".safetensors");
    CheckpointMerge(foreign() / "original.safetensors")
        .adapter(foreign() / (std::string(name) + ".safetensors"))
        .write_to(target);
    const SafetensorsFile merged = SafetensorsFile::open(target);
    for (const auto& [key, wanted] :
         read_adapter_tensors(foreign() / "expected" / target.filename())) {
      const std::string module = names[key.substr(0, key.rfind('.'))];
      EXPECT_LT(max_difference(read_tensor(merged, module + ".weight"), wanted), 1e-6) << key;
    }
  }
}

TEST(ForeignAdapterFile, PartsOfFusedLayersGoToTheLayersOfDiffusers) {
  const std::map<std::string, std::vector<std::pair<std::string, std::int64_t>>> parts{
      {"double_blocks.0.img_attn.qkv",
       {{"transformer_blocks.0.attn.to_q", 8},
        {"transformer_blocks.0.attn.to_k", 8},
        {"transformer_blocks.0.attn.to_v", 8}}},
      {"double_blocks.0.img_mlp.0", {{"transformer_blocks.0.ff.net.0.proj", 12}}},
      {"single_blocks.0.linear1",
       {{"single_transformer_blocks.0.attn.to_q", 8},
        {"single_transformer_blocks.0.attn.to_k", 8},
        {"single_transformer_blocks.0.attn.to_v", 8},
        {"single_transformer_blocks.0.proj_mlp", 12}}}};
  const auto split = [&](const Tensors& fused, const std::string& prefix) {
    Tensors tensors;
    for (const auto& [name, names] : parts) {
      std::int64_t first = 0;
      for (const auto& [part, rows] : names) {
        tensors[part + ".weight"] =
            fused.at(prefix + name + ".weight").narrow(0, std::exchange(first, first + rows), rows);
      }
    }
    return tensors;
  };
  const TemporaryFolder folder;
  write_tensors(folder / "base.safetensors",
                split(read_adapter_tensors(foreign() / "transformer.safetensors"), ""));
  CheckpointMerge(folder / "base.safetensors")
      .adapter(foreign() / "kohya-flux.safetensors")
      .write_to(folder / "merged.safetensors");
  const Tensors merged = read_adapter_tensors(folder / "merged.safetensors");
  for (const auto& [name, wanted] :
       split(read_adapter_tensors(foreign() / "expected/kohya-flux.safetensors"), "transformer."))
    EXPECT_LT(max_difference(merged.at(name), wanted), 1e-6) << name;
}

TEST(ForeignAdapterFile, LayersOfOtherComponentsAreMissing) {
  const TemporaryFolder folder;
  CheckpointMergeOptions options;
  const auto merge = [&] {
    CheckpointMerge(foreign() / "pipeline/unet")
        .options(options)
        .adapter(foreign() / "onetrainer.safetensors")
        .write_to(folder / "merged");
  };
  expect_error(Status::kInvalidArgument, {"3 of its 19 layers", "text_model"}, merge);
  EXPECT_FALSE(fs::exists(folder / "merged"));
  options.force = true;
  EXPECT_NO_THROW(merge());
}

TEST(ForeignAdapterFile, LimitsAreThoseOfTheirMakers) {
  const TemporaryFolder folder;
  const at::Tensor blocks = at::randn({2, 4, 4});
  const auto q = [&](const std::string& name, double alpha) {
    write_tensors(folder / "a.safetensors",
                  {{name + ".oft_blocks", blocks}, {name + ".alpha", at::tensor(alpha)}});
    return AdapterFile::load(folder / "a.safetensors").layers[0].factors[0].q.clone();
  };
  const at::Tensor skew = blocks - blocks.transpose(1, 2);
  const at::Tensor free = upper_from_skew(skew);
  EXPECT_LT(max_difference(q("lora_unet_fc", 0), free), 1e-6);
  EXPECT_LT(max_difference(q("lora_unet_fc", -1), free), 1e-6);
  EXPECT_LT(max_difference(q("lora_unet_fc", 100), free), 1e-6);
  EXPECT_LT(q("oft_unet_fc", 0).abs().max().item<double>(), 1e-7);
  for (const char* name : {"lora_unet_fc", "oft_unet_fc"})
    EXPECT_NEAR(q(name, 0.01).norm().item<double>() * std::sqrt(2.0), 0.01 * 8, 1e-6);
  error_of(Status::kInvalidArgument, [&] { q("oft_unet_fc", -1); });
  error_of(Status::kInvalidArgument, [&] { q("lora_unet_fc", NAN); });
}

class ForeignErrors : public FolderTest {
 protected:
  fs::path write(const Tensors& tensors) {
    write_tensors(folder_ / "a.safetensors", tensors);
    return folder_ / "a.safetensors";
  }
  void expect_refusal(Status status, const std::vector<std::string>& parts,
                      const Tensors& tensors) {
    const fs::path file = write(tensors);
    expect_error(status, parts, [&] { AdapterFile::load(file); });
  }
};

TEST_F(ForeignErrors, OtherMethodsAreNamed) {
  expect_refusal(
      Status::kUnsupported, {"'LoRA'", "none of OFT"},
      {{"lora_unet_a.lora_down.weight", at::zeros({2, 4})}, {"lora_unet_a.alpha", at::zeros({})}});
  expect_refusal(Status::kUnsupported, {"'LoKr'"}, {{"lycoris_a.lokr_w1", at::zeros({2, 2})}});
  expect_refusal(
      Status::kUnsupported, {"'LoHa'", "beside OFT"},
      {{"lycoris_a.hada_w1_a", at::zeros({2, 2})}, {"lycoris_b.oft_blocks", at::zeros({2, 2, 2})}});
  expect_refusal(Status::kUnsupported, {"'GLoRA'"}, {{"lora_unet_a.a1.weight", at::zeros({2, 2})}});
  expect_refusal(Status::kInvalidArgument, {"not an OFT adapter"}, {{"fc.weight", at::zeros({2})}});
}

TEST_F(ForeignErrors, SeveralMakersInAFileAreRefused) {
  expect_refusal(Status::kInvalidArgument, {"'LyCORIS'", "'kohya sd-scripts'"},
                 {{"lora_unet_a.oft_blocks", at::zeros({2, 2, 2})},
                  {"oft_unet_b.oft_blocks", at::zeros({2, 2, 2})},
                  {"oft_unet_b.alpha", at::ones({})}});
  expect_refusal(Status::kInvalidArgument, {"OneTrainer"},
                 {{"unet.a.oft_R.weight", at::zeros({2, 1})},
                  {"oft_unet_b.oft_blocks", at::zeros({2, 2, 2})}});
}

TEST_F(ForeignErrors, ParametersOfPeftNeedTheirConfig) {
  for (const char* key : {"base_model.model.fc.oft_R.weight", "fc.oft_R.weight",
                          "fc.oft_R.default.weight", "fc.oft_r", "fc.oft_embedding_R.weight"})
    expect_refusal(Status::kNotFound, {"adapter_config.json"}, {{key, at::zeros({2, 1})}});
}

TEST_F(ForeignErrors, NamesAloneMakeAFileOneTrainersWithAWarning) {
  const fs::path file = write({{"unet.fc.oft_R.weight", at::zeros({2, 1})}});
  const AdapterFile adapter = AdapterFile::load(file);
  EXPECT_EQ(adapter.maker(), "OneTrainer");
  ASSERT_EQ(adapter.warnings.size(), 1U);
  EXPECT_NE(adapter.warnings.front().find("adapter_config.json"), std::string::npos);
}

TEST_F(ForeignErrors, HalfALayerIsRefused) {
  const at::Tensor blocks = at::zeros({2, 2, 2});
  expect_refusal(Status::kInvalidArgument, {"oft_unet_a", "no 'alpha'"},
                 {{"oft_unet_a.oft_blocks", blocks}});
  expect_refusal(Status::kInvalidArgument, {"'oft_blocks.2'", "no 'oft_blocks.1'"},
                 {{"oft_unet_a.oft_blocks.0", blocks},
                  {"oft_unet_a.oft_blocks.2", blocks},
                  {"oft_unet_a.alpha", at::ones({})}});
  expect_refusal(Status::kInvalidArgument, {"no 'oft_R.weight'"},
                 {{"unet.a.oft_R.scaled_oft", at::ones({})}});
  const fs::path file = write({{"oft_unet_a.oft_blocks.0", blocks},
                               {"oft_unet_a.alpha", at::ones({})},
                               {"oft_unet_a.oft_blocks.1", blocks}});
  const AdapterFile adapter = AdapterFile::load(file);
  expect_error(Status::kInvalidArgument, {"2 parts", "8 outputs", "12"}, [&] {
    adapter.rotations(adapter.layers.front(), LayerKind::kLinear, {12, 3});
  });
}

TEST_F(ForeignErrors, WrongShapesAreRefused) {
  expect_refusal(Status::kInvalidArgument, {"lora_unet_a", "[2, 2, 3]"},
                 {{"lora_unet_a.oft_blocks", at::zeros({2, 2, 3})}});
  expect_refusal(Status::kInvalidArgument, {"[2, 2]"},
                 {{"lora_unet_a.oft_blocks", at::zeros({2, 2})}});
  expect_refusal(
      Status::kInvalidArgument, {"'alpha'", "[2]"},
      {{"lora_unet_a.oft_blocks", at::zeros({2, 2, 2})}, {"lora_unet_a.alpha", at::zeros({2})}});
  expect_refusal(Status::kInvalidArgument, {"'rescale'", "[2, 2, 1]", "[4, 1, ..]"},
                 {{"lora_unet_a.oft_blocks", at::zeros({2, 2, 2})},
                  {"lora_unet_a.rescale", at::ones({2, 2, 1})}});
  expect_refusal(Status::kInvalidArgument, {"butterfly stage 1", "8", "4"},
                 {{"lora_unet_a.oft_blocks", at::zeros({2, 1, 4, 4})}});
  expect_refusal(Status::kInvalidArgument, {"'oft_diag'", "[]"},
                 {{"lora_unet_a.oft_diag", at::zeros({})}});
  expect_refusal(Status::kInvalidArgument, {"blocks of 3"},
                 {{"lora_unet_a.oft_blocks", at::zeros({1, 2, 3, 3})}});
  expect_refusal(Status::kInvalidArgument, {"oft_R.weight", "[2, 2]"},
                 {{"unet.a.oft_R.weight", at::zeros({2, 2})}});
  const AdapterFile adapter =
      AdapterFile::load(write({{"lora_unet_a.oft_blocks", at::zeros({2, 2, 2})}}));
  expect_error(Status::kInvalidArgument, {"layer 'a'", "6 features"}, [&] {
    adapter.rotations(adapter.layers.front(), LayerKind::kLinear, {6, 3});
  });
}

TEST_F(ForeignErrors, OldBlocksMustBeRotations) {
  expect_refusal(Status::kInvalidArgument, {"lora_unet_a", "no rotation"},
                 {{"lora_unet_a.oft_diag", at::randn({2, 3, 3}) * 0.1}});
  expect_refusal(
      Status::kInvalidArgument, {"180 degrees"},
      {{"lora_unet_a.oft_diag", at::diag(tensor_of({-1, -1, 1}, at::kFloat)).unsqueeze(0)}});
}

TEST_F(ForeignErrors, WhatIsNotUnderstoodIsListedAndStopsAMerge) {
  const fs::path file = write({{"lora_unet_fc.oft_blocks", at::zeros({2, 2, 2})},
                               {"lora_unet_fc.dora_scale", at::ones({4, 1})},
                               {"lora_unet_gone.alpha", at::ones({})},
                               {"lora_unet_norm.w_norm", at::ones({4})}});
  EXPECT_EQ(AdapterFile::load(file).unused_keys,
            (std::vector<std::string>{"lora_unet_fc.dora_scale", "lora_unet_norm.w_norm",
                                      "lora_unet_gone.alpha"}));
  write_tensors(folder_ / "base.safetensors", {{"fc.weight", at::randn({4, 3})}});
  CheckpointMergeOptions options;
  const auto merge = [&] {
    CheckpointMerge(folder_ / "base.safetensors")
        .options(options)
        .adapter(file)
        .write_to(folder_ / "out.safetensors");
  };
  expect_error(Status::kInvalidArgument, {"3 tensors", "not understood", "dora_scale"}, merge);
  EXPECT_FALSE(fs::exists(folder_ / "out.safetensors"));
  options.force = true;
  EXPECT_NO_THROW(merge());
  EXPECT_EQ(check_adapter(folder_ / "base.safetensors", file).unused.size(), 3U);
}

TEST_F(ForeignErrors, AmbiguousNamesAreRefusedWithTheCandidates) {
  AdapterFile adapter =
      AdapterFile::load(write({{"lycoris_a_b_c.oft_blocks", at::zeros({2, 2, 2})}}));
  expect_error(Status::kInvalidArgument, {"'a_b_c'", "'a.b_c', 'a_b.c'"}, [&] {
    adapter.resolve_names({{.name = "a.b_c", .kind = LayerKind::kLinear},
                           {.name = "a_b.c", .kind = LayerKind::kLinear}});
  });
}

TEST_F(ForeignErrors, TwoLayersForOneModuleAreRefused) {
  AdapterFile adapter =
      AdapterFile::load(write({{"lora_te1_fc.oft_blocks", at::zeros({2, 2, 2})},
                               {"lora_te2_fc.oft_blocks", at::zeros({2, 2, 2})}}));
  EXPECT_EQ(adapter.components(), (std::vector<std::string>{"text_encoder", "text_encoder_2"}));
  expect_error(Status::kInvalidArgument, {"'fc'", "'text_encoder'", "'text_encoder_2'"},
               [&] { adapter.resolve_names({{.name = "fc", .kind = LayerKind::kLinear}}); });
}

TEST_F(ForeignErrors, NotANumberIsAProblemOfTheCheck) {
  write_tensors(folder_ / "base.safetensors", {{"fc.weight", at::randn({4, 3})}});
  const fs::path file = write({{"lora_unet_fc.oft_blocks", at::full({2, 2, 2}, NAN)}});
  const CheckReport report = check_adapter(folder_ / "base.safetensors", file);
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_NE(report.problems.front().find("NaN"), std::string::npos);
}

TEST(ForeignAdapterFile, ACutFileIsRefused) {
  const TemporaryFolder folder;
  fs::copy(foreign() / "kohya.safetensors", folder / "cut.safetensors");
  fs::resize_file(folder / "cut.safetensors", 3000);
  error_of(Status::kParse, [&] { AdapterFile::load(folder / "cut.safetensors"); });
}

TEST(ForeignAdapterFile, PeftsFormatHasNoPlaceForThem) {
  const TemporaryFolder folder;
  for (const char* name : {"kohya", "lycoris-diag", "onetrainer"})
    expect_error(Status::kUnsupported, {"convert"}, [&] {
      AdapterFile::load(foreign() / (std::string(name) + ".safetensors")).save(folder / "peft");
    });
  EXPECT_FALSE(fs::exists(folder / "peft"));
}

}  // namespace
}  // namespace oft
