#include "oft/extract.hpp"

#include "oft/checkpoint_merge.hpp"
#include "oft/merge.hpp"
#include "src/procrustes.hpp"
#include "support.hpp"

namespace oft {
namespace {

using namespace testing;
using Tensors = std::map<std::string, at::Tensor>;

OFTConfig config_of(std::int64_t block_size, StringOrList targets = {}) {
  OFTConfig config;
  config.r = 0;
  config.oft_block_size = block_size;
  config.target_modules = std::move(targets);
  return config;
}

class Extract : public FolderTest {
 protected:
  AdapterFile run(const Tensors& base, const Tensors& tuned, const OFTConfig& config,
                  ExtractOptions options = {}) {
    write_tensors(folder_ / "base.safetensors", base);
    write_tensors(folder_ / "tuned.safetensors", tuned);
    return extract_adapter(folder_ / "base.safetensors", folder_ / "tuned.safetensors", config,
                           options, &report_);
  }

  const ExtractedLayer& row(const std::string& name) const {
    for (const ExtractedLayer& layer : report_.layers)
      if (layer.name == name) return layer;
    throw std::runtime_error("no layer " + name);
  }

  ExtractReport report_;
};

TEST_F(Extract, GivesBackTheRotationsOfEveryKind) {
  at::manual_seed(51);
  const std::map<std::string, std::pair<LayerKind, std::vector<std::int64_t>>> kinds{
      {"fc", {LayerKind::kLinear, {40, 24}}},
      {"conv", {LayerKind::kConv2d, {64, 4, 3, 2}}},
      {"conv1", {LayerKind::kConv1d, {50, 4, 3}}},
      {"embed_tokens", {LayerKind::kEmbedding, {100, 12}}}};
  Tensors base;
  Tensors tuned;
  std::map<std::string, Rotation> rotations;
  for (const auto& [name, kind] : kinds) {
    base[name + ".weight"] = at::randn(kind.second);
    const Rotation rotation = random_rotation(rotated_features(kind.first, kind.second), 6, 0.2);
    rotations.emplace(name, rotation);
    tuned[name + ".weight"] = merge_weight(base[name + ".weight"], kind.first, {rotation});
  }
  const AdapterFile file = run(base, tuned, config_of(6));
  ASSERT_EQ(file.layers.size(), kinds.size());
  for (const auto& [name, rotation] : rotations) {
    SCOPED_TRACE(name);
    const Rotation found = file.rotation(file.layer(name), rotation.features());
    EXPECT_LT(max_difference(found.angles(), rotation.angles()), 1e-4);
    EXPECT_LT(max_difference(found.q(), rotation.q()), 1e-5);
    EXPECT_GT(row(name).explained, 1 - 1e-9);
    EXPECT_EQ(row(name).held_blocks, 0);
  }
  EXPECT_TRUE(file.layer("embed_tokens").is_embedding);
  EXPECT_TRUE(report_.changed.empty());
  EXPECT_GT(report_.explained, 1 - 1e-9);
}

TEST_F(Extract, WeightsOfSixteenBitsGiveBackTheirRotation) {
  at::manual_seed(52);
  const at::Tensor w = at::randn({256, 32}).to(at::kBFloat16);
  const Rotation rotation = random_rotation(32, 8, 0.1);
  const at::Tensor merged = merge_weight(w, LayerKind::kLinear, {rotation});
  const AdapterFile file =
      run({{"fc.weight", w}}, {{"fc.weight", merged}}, config_of(8, std::string(".*")));
  EXPECT_LT(max_difference(file.layers[0].factors[0].q, rotation.q()), 1e-3);
  EXPECT_GT(report_.explained, 0.999);
}

TEST_F(Extract, WhatWeightsLeaveOpenStaysTheIdentity) {
  at::manual_seed(53);
  const at::Tensor w = at::randn({3, 16});  // fewer neurons than a block has features
  const Rotation rotation = random_rotation(16, 8, 0.3);
  const at::Tensor merged = merge_weight(w, LayerKind::kLinear, {rotation});
  const AdapterFile file = run({{"fc.weight", w}}, {{"fc.weight", merged}}, config_of(8));
  const Rotation found = file.rotation(file.layers[0], 16);
  EXPECT_GT(report_.explained, 1 - 1e-9);
  // At most the three neurons and their images turn: the rest of the space is left alone.
  const at::Tensor turned = found.matrices(at::kDouble) - at::eye(8, at::kDouble);
  EXPECT_LT(at::linalg_svdvals(turned).slice(1, 6).max().item<double>(), 1e-5);

  const AdapterFile dead =
      run({{"fc.weight", at::cat({w, at::zeros({3, 8})}, 1)}},
          {{"fc.weight", at::cat({merged, at::zeros({3, 8})}, 1)}}, config_of(8));
  EXPECT_LT(dead.layers[0].factors[0].q[2].abs().max().item<double>(), 1e-12);
}

TEST_F(Extract, ReflectionsBecomeTheNearestRotation) {
  at::manual_seed(54);
  const at::Tensor w = at::randn({30, 4});
  at::Tensor mirrored = w.clone();
  mirrored.select(1, 2).neg_();
  const AdapterFile file = run({{"fc.weight", w}}, {{"fc.weight", mirrored}}, config_of(4));
  const at::Tensor r = file.rotation(file.layers[0], 4).matrices(at::kDouble);
  EXPECT_GT(at::linalg_det(r).item<double>(), 0.999);
  EXPECT_LT(report_.explained, 0.9);
  ASSERT_FALSE(report_.warnings.empty());
  expect_contains(report_.warnings.front(), {"explain only"});
}

TEST_F(Extract, HalfTurnsAreHeldJustBelow) {
  at::manual_seed(55);
  const at::Tensor w = at::randn({30, 8});
  at::Tensor q = at::randn({2, 6}) * 0.2;
  q[1].zero_();
  at::Tensor turned = merge_weight(w, LayerKind::kLinear, {Rotation(q, 8, {})});
  turned.narrow(1, 4, 2).neg_();  // a plane of the second block, by half a turn
  const AdapterFile file = run({{"fc.weight", w}}, {{"fc.weight", turned}}, config_of(4));
  EXPECT_EQ(row("fc").held_blocks, 1);
  EXPECT_NEAR(report_.largest_angle, 3.14159, 0.003);
  EXPECT_GT(report_.explained, 0.9999);
  EXPECT_LT(max_difference(file.layers[0].factors[0].q[0], q[0]), 1e-5);
}

TEST(CayleyParameters, AllPlanesMayMakeHalfATurn) {
  const at::Tensor r = at::stack({-at::eye(4, at::kDouble), at::eye(4, at::kDouble)});
  const CayleyParameters parameters = cayley_parameters(r);
  EXPECT_EQ(parameters.held_blocks, 1);
  const Rotation rotation(parameters.q, 8, {});
  EXPECT_LT(max_difference(rotation.matrices(at::kDouble), r), 0.003);
  EXPECT_LT(rotation.orthogonality_error(at::kDouble), 1e-9);
}

TEST_F(Extract, OneBlockForAllIsTheirCommonRotation) {
  at::manual_seed(56);
  const at::Tensor w = at::randn({40, 12});
  OFTConfig config = config_of(4);
  config.block_share = true;
  const Rotation rotation = random_rotation(12, 4, 0.2, {.block_share = true});
  const AdapterFile file = run(
      {{"fc.weight", w}}, {{"fc.weight", merge_weight(w, LayerKind::kLinear, {rotation})}}, config);
  EXPECT_EQ(file.layers[0].factors[0].q.size(0), 1);
  EXPECT_LT(max_difference(file.layers[0].factors[0].q, rotation.q()), 1e-5);
}

TEST_F(Extract, Conv1DTurnsTheOtherDimension) {
  at::manual_seed(57);
  const at::Tensor w = at::randn({12, 40});
  OFTConfig config = config_of(4, std::vector<std::string>{"c_attn"});
  config.fan_in_fan_out = true;
  const Rotation rotation = random_rotation(12, 4, 0.2);
  const AdapterFile file =
      run({{"h.c_attn.weight", w}},
          {{"h.c_attn.weight", merge_weight(w, LayerKind::kConv1D, {rotation})}}, config);
  EXPECT_LT(max_difference(file.layers[0].factors[0].q, rotation.q()), 1e-5);
  EXPECT_EQ(row("h.c_attn").kind, layer_kind_name(LayerKind::kConv1D));
}

TEST_F(Extract, ReportsWhatItDoesNotCover) {
  at::manual_seed(58);
  const at::Tensor w = at::randn({8, 8});
  const at::Tensor turned = merge_weight(w, LayerKind::kLinear, {random_rotation(8, 4, 0.2)});
  const Tensors base{{"a.weight", w},
                     {"b.weight", w},
                     {"b.bias", at::zeros({8})},
                     {"c.weight", w},
                     {"old.weight", w}};
  const Tensors tuned{{"a.weight", turned},
                      {"b.weight", w},
                      {"b.bias", at::ones({8})},
                      {"c.weight", w + 1},
                      {"new.weight", w}};
  const AdapterFile file = run(base, tuned, config_of(4, std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(file.layers.size(), 2U);
  EXPECT_EQ(report_.unchanged, std::vector<std::string>{"b"});
  EXPECT_EQ(report_.changed, (std::vector<std::string>{"b.bias", "c.weight"}));
  EXPECT_EQ(report_.missing, std::vector<std::string>{"old.weight"});
  EXPECT_EQ(report_.added, std::vector<std::string>{"new.weight"});
  EXPECT_TRUE(file.layer("b").factors[0].q.eq(0).all().item<bool>());
  const json document = json::parse(report_.to_json());
  EXPECT_EQ(document["layers"][0]["name"], "a");
  EXPECT_EQ(document["changed"].size(), 2U);
}

TEST_F(Extract, ACheckpointMergedByUsGivesBackItsAdapter) {
  for (const std::string name : {"exact", "peft-0.17-exact", "regex", "r-given"}) {
    SCOPED_TRACE(name);
    const AdapterFile adapter = AdapterFile::load(data_dir() / "adapters" / name);
    CheckpointMerge merge(data_dir() / "base");
    merge.adapter(data_dir() / "adapters" / name).write_to(folder_ / name);
    OFTConfig config = adapter.config;
    const AdapterFile found =
        extract_adapter(data_dir() / "base", folder_ / name, config, {}, &report_);
    report_ = {};
    ASSERT_EQ(found.layers.size(), adapter.layers.size());
    found.save(folder_ / (name + "-adapter"));
    CheckpointMerge(data_dir() / "base")
        .adapter(folder_ / (name + "-adapter"))
        .write_to(folder_ / (name + "-again"));
    const SafetensorsFile first = SafetensorsFile::open(folder_ / name / "model.safetensors");
    const SafetensorsFile second =
        SafetensorsFile::open(folder_ / (name + "-again") / "model.safetensors");
    for (const SafetensorsEntry& entry : first.entries())
      EXPECT_LT(max_difference(read_tensor(first, entry.name), read_tensor(second, entry.name)),
                1e-5)
          << entry.name;
  }
}

TEST_F(Extract, FaultsAreNamed) {
  const at::Tensor w = at::ones({4, 4});
  const Tensors base{{"fc.weight", w}};
  OFTConfig neumann = config_of(4);
  neumann.use_cayley_neumann = true;
  expect_error(Status::kInvalidArgument, {"use_cayley_neumann"}, [&] { run(base, base, neumann); });
  OFTConfig coft = config_of(4);
  coft.coft = true;
  expect_error(Status::kInvalidArgument, {"coft"}, [&] { run(base, base, coft); });
  expect_error(Status::kInvalidArgument, {"no layer has another weight"},
               [&] { run(base, base, config_of(4)); });
  expect_error(Status::kInvalidArgument, {"none of the 1 layers"},
               [&] { run(base, base, config_of(4, std::string("fc"))); });
  expect_error(Status::kInvalidArgument, {"'fc'", "NaN"}, [&] {
    run(base, {{"fc.weight", at::full({4, 4}, NAN)}}, config_of(4));
  });
  expect_error(Status::kInvalidArgument, {"'fc'", "[4, 4]", "[5, 4]"}, [&] {
    run(base, {{"fc.weight", at::ones({5, 4})}}, config_of(4, std::string("fc")));
  });
  expect_error(Status::kInvalidArgument, {"'fc'", "no weight"}, [&] {
    run(base, {{"other.weight", w}}, config_of(4, std::string("fc")));
  });
  write_tensors(folder_ / "tuned.safetensors", {{"fc.weight", w + at::eye(4)}});
  const ProgressFunction cancel = [](const Progress&) { return false; };
  expect_error(Status::kCancelled, {"cancelled"}, [&] {
    extract_adapter(folder_ / "base.safetensors", folder_ / "tuned.safetensors", config_of(4), {},
                    nullptr, cancel);
  });
  std::vector<Progress> seen;
  const ProgressFunction watch = [&](const Progress& progress) {
    seen.push_back(progress);
    return true;
  };
  extract_adapter(folder_ / "base.safetensors", folder_ / "tuned.safetensors", config_of(4), {},
                  nullptr, watch);
  EXPECT_EQ(seen.back().done, seen.back().total);
  expect_error(Status::kInvalidArgument, {"dtype"},
               [] { ExtractOptions::from_json(R"({"dtype": "int8"})"); });
  EXPECT_EQ(ExtractOptions::from_json(R"({"component": "unet"})").component, "unet");
}

}  // namespace
}  // namespace oft
