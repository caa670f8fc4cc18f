#include "oft/blend.hpp"

#include "oft/check.hpp"
#include "oft/merge.hpp"
#include "support.hpp"

namespace oft {
namespace {

using namespace testing;

at::Tensor random_q(std::int64_t rows, std::int64_t b, double sigma = 0.2) {
  return at::randn({rows, b * (b - 1) / 2}, at::kDouble) * sigma;
}

at::Tensor matrices(const AdapterFile& file, const std::string& name, std::int64_t features) {
  return file.rotation(file.layer(name), features).matrices(at::kDouble);
}

/// log of orthogonal blocks by their complex eigenvectors.
at::Tensor log_of(const at::Tensor& r) {
  const auto [values, vectors] = at::linalg_eig(r);
  return at::real((vectors * at::log(values).unsqueeze(-2)).matmul(at::linalg_inv(vectors)));
}

AdapterFile output_adapter(const std::string& name, at::Tensor q) {
  AdapterFile file{OFTConfig()};
  file.format = AdapterFormat::kLycoris;
  AdapterLayer layer{.name = name, .side = Side::kOutput, .component = "unet"};
  layer.factors.push_back({.q = std::move(q)});
  file.layers.push_back(std::move(layer));
  return file;
}

TEST(Blend, OneAdapterIsScaledByItsWeight) {
  at::manual_seed(41);
  const AdapterFile file = peft_adapter({{"fc", random_q(3, 4)}});
  const Rotation rotation = file.rotation(file.layer("fc"), 12);
  for (const double weight : {0.0, 0.5, 1.0, 1.5, -1.0}) {
    BlendReport report;
    const AdapterFile blend = blend_adapters({{file, weight}}, {}, &report);
    EXPECT_TRUE(blend.layers.front().factors.front().q.equal(rotation.power(weight).q()));
    EXPECT_EQ(report.side, "input");
    ASSERT_EQ(report.layers.size(), 1U);
    EXPECT_EQ(report.layers.front().adapters, 1);
    EXPECT_NEAR(report.largest_angle, std::abs(weight) * rotation.largest_angle(), 1e-9);
  }
}

TEST(Blend, GroupAddsLogarithms) {
  at::manual_seed(42);
  OFTConfig neumann;
  neumann.use_cayley_neumann = true;
  const AdapterFile a = peft_adapter({{"fc", random_q(2, 6)}});
  const AdapterFile b = peft_adapter({{"fc", random_q(2, 6, 0.1)}}, neumann);
  const AdapterFile blend = blend_adapters({{a, 0.7}, {b, -0.4}});
  const auto [u, s, vh] = at::linalg_svd(matrices(b, "fc", 12));
  const at::Tensor sum = log_of(matrices(a, "fc", 12)) * 0.7 - log_of(u.matmul(vh)) * 0.4;
  EXPECT_LT(max_difference(matrices(blend, "fc", 12), at::matrix_exp(sum)), 1e-11);
  EXPECT_FALSE(blend.config.use_cayley_neumann);
}

TEST(Blend, OrthoMergeFollowsItsRule) {
  at::manual_seed(43);
  const at::Tensor q1 = random_q(3, 4);
  const at::Tensor q2 = random_q(3, 4);
  const AdapterFile a = peft_adapter({{"fc", q1}});
  const AdapterFile b = peft_adapter({{"fc", q2}});
  const auto norm = [](const at::Tensor& q) { return q.norm().item<double>() * std::sqrt(2.0); };
  const double c = (norm(q1) + norm(q2)) / norm(q1 + q2);
  BlendOptions options{.rule = BlendRule::kOrthoMerge};
  const AdapterFile even = blend_adapters({{a}, {b}}, options);
  EXPECT_LT(max_difference(even.layers[0].factors[0].q, (q1 + q2) / 2 * c), 1e-14);
  const double weighted = (norm(q1) + 0.5 * norm(q2)) / norm(q1 + 0.5 * q2);
  const AdapterFile uneven = blend_adapters({{a}, {b, 0.5}}, options);
  EXPECT_LT(max_difference(uneven.layers[0].factors[0].q, (q1 + 0.5 * q2) / 2 * weighted), 1e-14);
  const AdapterFile opposite = peft_adapter({{"fc", -q1}});
  EXPECT_TRUE(
      blend_adapters({{a}, {opposite}}, options).layers[0].factors[0].q.eq(0).all().item<bool>());
}

TEST(Blend, AnAbsentLayerIsTheIdentity) {
  at::manual_seed(44);
  const AdapterFile a = peft_adapter({{"fc1", random_q(2, 4)}, {"fc2", random_q(3, 4)}});
  const AdapterFile b = peft_adapter({{"fc2", random_q(3, 4)}, {"fc3", random_q(1, 4)}});
  BlendReport report;
  const AdapterFile blend = blend_adapters({{a, 1}, {b, 0.5}}, {}, &report);
  EXPECT_LT(max_difference(matrices(blend, "fc1", 8), matrices(a, "fc1", 8)), 1e-14);
  EXPECT_LT(max_difference(matrices(blend, "fc3", 4),
                           b.rotation(b.layer("fc3"), 4).power(0.5).matrices(at::kDouble)),
            1e-14);
  EXPECT_EQ(std::get<std::vector<std::string>>(blend.config.target_modules),
            (std::vector<std::string>{"fc1", "fc2", "fc3"}));
  EXPECT_EQ(report.layers[1].adapters, 2);
}

TEST(Blend, SmallBlocksLieInLargerOnes) {
  at::manual_seed(45);
  const AdapterFile small = peft_adapter({{"fc", random_q(6, 2)}});
  const AdapterFile large = peft_adapter({{"fc", random_q(2, 6)}});
  OFTConfig sharing;
  sharing.block_share = true;
  const AdapterFile shared = peft_adapter({{"fc", random_q(1, 3)}}, sharing);
  const AdapterFile blend = blend_adapters({{small, 0.5}, {large, 0.5}, {shared, 0.5}});
  EXPECT_EQ(blend.config.oft_block_size, 6);
  EXPECT_FALSE(blend.config.block_share);
  const auto dense = [](const AdapterFile& file) {
    const at::Tensor r = matrices(file, "fc", 12);
    return at::block_diag(at::unbind(r.expand({12 / r.size(1), -1, -1})));
  };
  const at::Tensor sum =
      (log_of(dense(small)) + log_of(dense(large)) + log_of(dense(shared))) * 0.5;
  EXPECT_LT(max_difference(dense(blend), at::matrix_exp(sum)), 1e-11);

  const AdapterFile both = blend_adapters({{shared, 0.5}, {shared, 0.5}});
  EXPECT_TRUE(both.config.block_share);
  EXPECT_LT(max_difference(matrices(both, "fc", 12), matrices(shared, "fc", 12)), 1e-12);
}

TEST(Blend, BlocksAndSidesThatDoNotFitAreNamed) {
  const AdapterFile a = peft_adapter({{"down.fc", random_q(3, 4)}});
  expect_error(Status::kInvalidArgument, {"'down.fc'", "3", "4"}, [&] {
    blend_adapters({{a}, {peft_adapter({{"down.fc", random_q(4, 3)}})}});
  });
  expect_error(Status::kInvalidArgument, {"'down.fc'", "12", "16"}, [&] {
    blend_adapters({{a}, {peft_adapter({{"down.fc", random_q(4, 4)}})}});
  });
  expect_error(Status::kInvalidArgument, {"'down.fc'", "merge them"}, [&] {
    blend_adapters({{a}, {output_adapter("down.fc", random_q(3, 4))}});
  });
  expect_error(Status::kInvalidArgument, {"no adapter"}, [] { blend_adapters({}); });
  expect_error(Status::kInvalidArgument, {"finite"}, [&] { blend_adapters({{a, NAN}}); });
  const AdapterFile quarter = peft_adapter({{"fc", at::ones({1, 1}, at::kDouble)}});
  expect_error(Status::kInvalidArgument, {"'fc'", "block 0", "half a turn"}, [&] {
    blend_adapters({{quarter, 1}, {quarter, 1}});
  });
}

TEST(Blend, OutputSidesBecomeALycorisAdapter) {
  at::manual_seed(46);
  AdapterFile a = output_adapter("unet_fc", random_q(3, 4));
  a.layers[0].row_scale = at::full({12, 1}, 3.0, at::kDouble);
  const AdapterFile b = output_adapter("unet_fc", random_q(3, 4));
  BlendReport report;
  const AdapterFile blend = blend_adapters({{a, 0.5}, {b, 0.5}}, {}, &report);
  EXPECT_EQ(report.side, "output");
  EXPECT_EQ(blend.format, AdapterFormat::kLycoris);
  EXPECT_EQ(blend.layers[0].side, Side::kOutput);
  EXPECT_EQ(blend.layers[0].component, "unet");
  EXPECT_TRUE(blend.layers[0].row_scale.eq(2).all().item<bool>());
  const auto r = [](const AdapterFile& file) {
    return file.rotations(file.layers[0], LayerKind::kLinear, {12, 1})[0].matrices(at::kDouble);
  };
  const at::Tensor sum = (log_of(r(a)) + log_of(r(b))) * 0.5;
  EXPECT_LT(max_difference(r(blend), at::matrix_exp(sum)), 1e-11);
}

TEST(Blend, ParametersThatAreNoRotationsMustAgree) {
  AdapterFile a = peft_adapter({{"fc", random_q(1, 4)}});
  a.config.modules_to_save = {"head"};
  a.replacements["head.weight"] = at::ones({2});
  AdapterFile b = a;
  BlendReport report;
  EXPECT_TRUE(blend_adapters({{a, 0.5}, {b, 0.5}}, {}, &report)
                  .replacements.at("head.weight")
                  .equal(at::ones({2})));
  EXPECT_EQ(report.replaced, std::vector<std::string>{"head.weight"});
  b.replacements["head.weight"] = at::zeros({2});
  expect_error(Status::kInvalidArgument, {"'head.weight'", "force"}, [&] {
    blend_adapters({{a, 0.4}, {b, 0.6}});
  });
  const AdapterFile forced = blend_adapters({{a, 0.4}, {b, 0.6}}, {.force = true});
  EXPECT_TRUE(forced.replacements.at("head.weight").equal(at::zeros({2})));
  EXPECT_EQ(*forced.config.modules_to_save, std::vector<std::string>{"head"});
}

TEST(Blend, AdaptersOfPeftBlendAndReadBack) {
  const TemporaryFolder folder;
  int blended = 0;
  for (const std::string name :
       {"exact", "neumann", "coft", "peft-0.17-exact", "peft-0.17", "embedding", "r-given", "regex",
        "all-linear", "modules-to-save"}) {
    SCOPED_TRACE(name);
    const AdapterFile file = AdapterFile::load(data_dir() / "adapters" / name);
    BlendReport report;
    const AdapterFile half = blend_adapters({{file, 0.5}}, {}, &report);
    EXPECT_LT(report.orthogonality_error, 2e-6);
    half.save(folder / name);
    const AdapterFile again = AdapterFile::load(folder / name);
    EXPECT_TRUE(again.warnings.empty());
    ASSERT_EQ(again.layers.size(), file.layers.size());
    // What turns a weight, and no angle between its neurons changes.
    const CheckReport check = check_adapter(data_dir() / "base", folder / name, 1e-5);
    EXPECT_TRUE(check.problems.empty());
    for (const CheckedLayer& layer : check.layers)
      EXPECT_NEAR(layer.energy_after / layer.energy_before, 1, 1e-5) << layer.name;
    ++blended;
  }
  EXPECT_EQ(blended, 10);
}

TEST(Blend, LayersOfManyBlockSizesKeepThem) {
  const TemporaryFolder folder;
  const AdapterFile r_given = AdapterFile::load(data_dir() / "adapters/r-given");
  const AdapterFile blend = blend_adapters({{r_given, 0.3}});
  EXPECT_EQ(blend.config.r, r_given.config.r);
  AdapterFile mixed{OFTConfig()};
  mixed.config.r = 0;
  mixed.config.oft_block_size = 4;
  mixed.config.rank_pattern = {{"fc2", 3}};
  mixed.config.target_modules = std::vector<std::string>{"fc1", "fc2"};
  mixed.put("fc1", false, random_q(3, 4));
  mixed.put("fc2", false, random_q(4, 3));
  const AdapterFile other = peft_adapter({{"fc1", random_q(2, 6)}});
  const AdapterFile kept = blend_adapters({{mixed, 0.5}});
  EXPECT_EQ(kept.config.rank_pattern, mixed.config.rank_pattern);
  expect_error(Status::kInvalidArgument, {"'fc1'"}, [&] {
    blend_adapters({{mixed, 0.5}, {other, 0.5}});
  });
  const AdapterFile joined =
      blend_adapters({{other, 0.5}, {peft_adapter({{"fc2", random_q(4, 3)}}), 0.5}});
  joined.save(folder / "joined");
  const AdapterFile again = AdapterFile::load(folder / "joined");
  EXPECT_EQ(again.rotation(again.layer("fc1"), 12).block_size(), 6);
  EXPECT_EQ(again.rotation(again.layer("fc2"), 12).block_size(), 3);
}

TEST(Blend, OptionsAreChecked) {
  const BlendOptions options =
      BlendOptions::from_json(R"({"rule": "ortho_merge", "force": true, "dtype": "float64"})");
  EXPECT_EQ(options.rule, BlendRule::kOrthoMerge);
  EXPECT_TRUE(options.force);
  EXPECT_EQ(options.dtype, at::kDouble);
  expect_error(Status::kInvalidArgument, {"rule", "mean", "group"},
               [] { BlendOptions::from_json(R"({"rule": "mean"})"); });
  expect_error(Status::kInvalidArgument, {"dtype", "int8"},
               [] { BlendOptions::from_json(R"({"dtype": "int8"})"); });
  expect_error(Status::kInvalidArgument, {"weights", "rule"},
               [] { BlendOptions::from_json(R"({"weights": []})"); });
  expect_error(Status::kParse, {"blend options"}, [] { BlendOptions::from_json("[]"); });
}

}  // namespace
}  // namespace oft
