#include "oft/merge.hpp"

#include "support.hpp"

namespace oft {
namespace {

using namespace testing;

at::Tensor dense(const Rotation& rotation) {
  const at::Tensor r = rotation.matrices(at::kDouble);
  return at::block_diag(at::unbind(r.expand({rotation.blocks(), -1, -1})));
}

TEST(Merge, TwelveDigitVectors) {
  int compared = 0;
  const json document = read_json(data_dir() / "twelve_digit_vectors.json");
  for (const json& vector : document["vectors"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    const at::Tensor weight = tensor_of(vector["weight"]);
    std::vector<Rotation> rotations;
    for (const json& adapter : vector["adapters"])
      rotations.emplace_back(tensor_of(adapter["q"]), weight.flatten(1).size(1), spec_of(adapter));
    const LayerKind kind = kind_of(vector["kind"]);
    const at::Tensor merged = merge_weight(weight, kind, rotations);
    EXPECT_LT(max_difference(merged, tensor_of(vector["merged"])), 1e-12);
    if (kind == LayerKind::kLinear) {
      const at::Tensor y = merged.matmul(tensor_of(vector["x"])) + tensor_of(vector["bias"]);
      EXPECT_LT(max_difference(y, tensor_of(vector["y"])), 1e-11);
    }
    ++compared;
  }
  EXPECT_GE(compared, 20);
}

TEST(Merge, AgreesWithPeftOverItsConfigurations) {
  const std::vector<PeftLayer> layers = peft_layers();
  EXPECT_GE(layers.size(), 60U);
  for (const PeftLayer& layer : layers) {
    SCOPED_TRACE(layer.name);
    EXPECT_EQ(resolve_block_size(layer.config, layer.rotation.features()), layer.block_size);
    const at::Tensor& weight = layer.tensors.at("weight");
    const at::Tensor& expected = layer.tensors.at("merged");
    const at::Tensor merged = merge_weight(weight, layer.kind, {layer.rotation});
    EXPECT_EQ(merged.scalar_type(), weight.scalar_type());
    EXPECT_EQ(merged.sizes(), weight.sizes());
    switch (weight.scalar_type()) {
      case at::kDouble:
        EXPECT_LT(max_difference(merged, expected), 1e-12);
        break;
      case at::kFloat:
        EXPECT_LT(max_difference(merged, expected), 2e-6);
        break;
      default: {
        const double ulp = weight.scalar_type() == at::kHalf ? 0x1p-10 : 0x1p-7;
        EXPECT_TRUE(at::allclose(merged.to(at::kDouble), expected.to(at::kDouble), ulp, 1e-7));
      }
    }
  }
}

TEST(Merge, EveryKindMatchesItsDenseDefinition) {
  at::manual_seed(11);
  for (const bool share : {false, true})
    for (const std::int64_t b : {2, 3, 4, 6, 12}) {
      const Rotation rotation = random_rotation(12, b, 0.3, {.block_share = share});
      const at::Tensor r = dense(rotation);
      const at::Tensor w = at::randn({7, 12}, at::kDouble);
      EXPECT_LT(max_difference(merge_weight(w, LayerKind::kLinear, {rotation}), w.matmul(r.t())),
                1e-13);
      EXPECT_LT(max_difference(merge_weight(w, LayerKind::kEmbedding, {rotation}), w.matmul(r)),
                1e-13);
      const at::Tensor conv1d = w.reshape({7, 4, 3});
      EXPECT_LT(max_difference(merge_weight(conv1d, LayerKind::kConv1d, {rotation}),
                               w.matmul(r.t()).reshape({7, 4, 3})),
                1e-13);
      const at::Tensor conv2d = w.reshape({7, 3, 2, 2});
      EXPECT_LT(max_difference(merge_weight(conv2d, LayerKind::kConv2d, {rotation}),
                               w.matmul(r.t()).reshape({7, 3, 2, 2})),
                1e-13);
      const at::Tensor transposed = w.t().contiguous();
      EXPECT_LT(max_difference(merge_weight(transposed, LayerKind::kConv1D, {rotation}),
                               r.matmul(transposed)),
                1e-13);
    }
}

TEST(Merge, SeveralAdaptersKeepTheOrderOfTheForward) {
  at::manual_seed(12);
  const std::vector<Rotation> rotations{random_rotation(24, 8, 0.4), random_rotation(24, 6, 0.4),
                                        random_rotation(24, 24, 0.2)};
  at::Tensor x = at::randn({5, 24}, at::kDouble);
  at::Tensor rotated = x;
  for (const Rotation& rotation : rotations) rotated = rotation.apply(rotated);
  const at::Tensor w = at::randn({9, 24}, at::kDouble);
  EXPECT_LT(max_difference(rotated.matmul(w.t()),
                           x.matmul(merge_weight(w, LayerKind::kLinear, rotations).t())),
            1e-13);
  const at::Tensor columns = w.t().contiguous();
  EXPECT_LT(max_difference(rotated.matmul(columns),
                           x.matmul(merge_weight(columns, LayerKind::kConv1D, rotations))),
            1e-13);
  EXPECT_LT(max_difference(rotated, merge_weight(x, LayerKind::kEmbedding, rotations)), 1e-13);
}

TEST(Merge, KeepsNormsAndAnglesBetweenNeurons) {
  at::manual_seed(13);
  const Rotation rotation = random_rotation(256, 32, 1.0);
  const at::Tensor w = at::randn({40, 256}, at::kDouble);
  const at::Tensor merged = merge_weight(w, LayerKind::kLinear, {rotation});
  EXPECT_LT(max_difference(merged.matmul(merged.t()), w.matmul(w.t())), 1e-11);
  EXPECT_GT(max_difference(merged, w), 0.5);
}

TEST(Merge, UnmergeGivesTheWeightBack) {
  at::manual_seed(14);
  const std::vector<Rotation> rotations{
      random_rotation(24, 8, 0.1, {.formula = Formula::kCayleyNeumann}),
      random_rotation(24, 6, 0.4)};
  for (const LayerKind kind : {LayerKind::kLinear, LayerKind::kEmbedding, LayerKind::kConv1D}) {
    const at::Tensor w = at::randn({24, 24}, at::kDouble);
    const at::Tensor merged = merge_weight(w, kind, rotations);
    EXPECT_GT(max_difference(merged, w), 0.1);
    EXPECT_LT(max_difference(unmerge_weight(merged, kind, rotations), w), 1e-12);
    const at::Tensor single = w.to(at::kFloat);
    EXPECT_LT(max_difference(unmerge_weight(merge_weight(single, kind, rotations), kind, rotations),
                             single),
              5e-6);
  }
}

TEST(Merge, InPlaceEqualsANewTensor) {
  at::manual_seed(18);
  // More than is rotated, or mapped, at once.
  const std::vector<Rotation> rotations{random_rotation(1536, 32, 0.1),
                                        random_rotation(1536, 6, 0.4, {.block_share = true})};
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kDouble})
    for (const LayerKind kind : {LayerKind::kLinear, LayerKind::kEmbedding, LayerKind::kConv1D})
      for (const std::size_t count : {1, 2}) {
        const std::vector<Rotation> used(rotations.begin(),
                                         rotations.begin() + static_cast<std::ptrdiff_t>(count));
        const at::Tensor w = at::randn({1536, 1536}).to(type);
        const at::Tensor weight = w.clone();
        merge_weight_(weight, kind, used);
        EXPECT_TRUE(weight.equal(merge_weight(w, kind, used)));
        const at::Tensor restored = unmerge_weight(weight, kind, used);
        unmerge_weight_(weight, kind, used);
        EXPECT_TRUE(weight.equal(restored));
      }
  error_of(Status::kInvalidArgument, [&] {
    merge_weight_(at::zeros({8, 1536}).t(), LayerKind::kConv1D, rotations);
  });
}

TEST(Merge, RowScaleMultipliesOutputsAndIsUndone) {
  at::manual_seed(15);
  const at::Tensor scale = at::rand({5}) + 0.5;
  const Rotation plain = random_rotation(8, 4, 0.3);
  const Rotation scaled(plain.q(), 8, {}, scale);
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const at::Tensor w = at::randn({5, 8}).to(type);
    const at::Tensor exact =
        w.to(at::kDouble).matmul(dense(plain).t()) * scale.to(at::kDouble).unsqueeze(1);
    const at::Tensor merged = merge_weight(w, LayerKind::kLinear, {scaled});
    EXPECT_TRUE(
        at::allclose(merged.to(at::kDouble), exact, type == at::kBFloat16 ? 0x1p-8 : 1e-5, 1e-6));
    if (type == at::kDouble) {
      EXPECT_LT(max_difference(unmerge_weight(merged, LayerKind::kLinear, {scaled}), w), 1e-12);
    }
  }
  error_of(Status::kInvalidArgument, [&] {
    merge_weight(at::zeros({6, 8}), LayerKind::kLinear, {scaled});
  });
}

TEST(Merge, SixteenBitResultsAreRoundedOnce) {
  at::manual_seed(16);
  const std::vector<Rotation> one{random_rotation(64, 32, 0.1)};
  const std::vector<Rotation> two{one.front(), random_rotation(64, 16, 0.1)};
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16})
    for (const auto& rotations : {one, two}) {
      const at::Tensor w = at::randn({33, 64}).to(type);
      const at::Tensor merged = merge_weight(w, LayerKind::kLinear, rotations);
      const at::Tensor exact =
          merge_weight(w.to(at::kDouble), LayerKind::kLinear, rotations).to(type);
      // float32 sums may fall on the other side of a tie, but rarely
      const double different = merged.ne(exact).to(at::kDouble).mean().item<double>();
      EXPECT_LT(different, 0.01);
      EXPECT_TRUE(at::allclose(merged.to(at::kDouble), exact.to(at::kDouble),
                               type == at::kHalf ? 0x1p-10 : 0x1p-7, 1e-6));
    }
}

TEST(Merge, SafeModeRefusesWhatIsNotFinite) {
  const Rotation rotation = random_rotation(4, 4, 0.3);
  at::Tensor w = at::randn({3, 4});
  w[1][2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(error_of(Status::kInvalidArgument,
                     [&] { merge_weight(w, LayerKind::kLinear, {rotation}, true); })
                .find("not finite"),
            std::string::npos);
  EXPECT_FALSE(merge_weight(w, LayerKind::kLinear, {rotation}).isfinite().all().item<bool>());
}

TEST(Merge, SafeModeSeesOverflowInTheCast) {
  // A quarter turn by 45 degrees sums 60000 + 60000 over sqrt(2): beyond float16's 65504.
  const Rotation rotation(tensor_of({{std::tan(M_PI / 8)}}), 2, {});
  const at::Tensor w = at::full({1, 2}, 60000.0).to(at::kHalf);
  error_of(Status::kInvalidArgument,
           [&] { merge_weight(w, LayerKind::kLinear, {rotation}, true); });
  EXPECT_NO_THROW(merge_weight(w.to(at::kFloat), LayerKind::kLinear, {rotation}, true));
}

TEST(Merge, FindsEveryNonFiniteValue) {
  const std::vector<std::pair<at::ScalarType, double>> largest_of_types = {
      {at::kHalf, 65504},
      {at::kBFloat16, 0x1.fep127},
      {at::kFloat, std::numeric_limits<float>::max()},
      {at::kDouble, std::numeric_limits<double>::max()}};
  for (const auto& [type, largest] : largest_of_types)
    for (const double bad :
         {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
          std::numeric_limits<double>::quiet_NaN()})
      for (const auto& [count, at] : std::vector<std::pair<std::int64_t, std::int64_t>>{
               {1, 0}, {100, 62}, {255, 254}, {256, 0}, {256, 255}, {257, 256}, {700, 511}}) {
        at::Tensor values = at::randn({count}).to(type);
        values[count - 1] = -largest;
        EXPECT_TRUE(WeightRotation::all_finite(values.const_data_ptr(), count, type));
        values[at] = bad;
        EXPECT_FALSE(WeightRotation::all_finite(values.const_data_ptr(), count, type));
      }
}

TEST(Merge, PiecesEqualTheWhole) {
  at::manual_seed(17);
  for (const LayerKind kind : {LayerKind::kLinear, LayerKind::kConv1D}) {
    const std::vector<Rotation> rotations{random_rotation(24, 6, 0.3), random_rotation(24, 4, 0.3)};
    const at::Tensor w = at::randn({24, 24}).to(at::kBFloat16);
    const WeightRotation rotation(kind, w.sizes(), w.scalar_type(), rotations);
    const std::int64_t step = WeightRotation::row_granularity(kind, w.sizes(), rotations);
    EXPECT_EQ(step, kind == LayerKind::kConv1D ? 12 : 1);
    at::Tensor pieces = w.clone();
    for (std::int64_t row = 0; row < 24; row += step) {
      void* data = pieces[row].data_ptr();
      rotation.run(row, step, data, data);
    }
    EXPECT_TRUE(pieces.equal(merge_weight(w, kind, rotations)));
  }
}

TEST(Merge, MisfitsAreNamed) {
  const Rotation rotation = random_rotation(8, 4, 0.3);
  EXPECT_NE(error_of(Status::kInvalidArgument,
                     [&] {
                       merge_weight(at::zeros({3, 12}), LayerKind::kLinear, {rotation});
                     })
                .find("has 12 features, the rotation 8"),
            std::string::npos);
  error_of(Status::kUnsupported,
           [&] { merge_weight(at::zeros({8}), LayerKind::kLinear, {rotation}); });
  error_of(Status::kUnsupported, [&] {
    merge_weight(at::zeros({3, 8}, at::kInt), LayerKind::kLinear, {rotation});
  });
  error_of(Status::kUnsupported, [&] {
    merge_weight(at::zeros({3, 8}), LayerKind::kOther, {rotation});
  });
}

TEST(Merge, EmptyWeightsStayEmpty) {
  const Rotation rotation = random_rotation(8, 4, 0.3);
  EXPECT_EQ(merge_weight(at::zeros({0, 8}), LayerKind::kLinear, {rotation}).numel(), 0);
}

}  // namespace
}  // namespace oft
