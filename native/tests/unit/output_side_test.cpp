#include <cmath>

#include "oft/merge.hpp"
#include "support.hpp"

namespace oft {
namespace {

using namespace testing;

/// R as one matrix of all `outputs`, the identity where it leaves features alone.
at::Tensor dense(const Rotation& rotation, std::int64_t outputs) {
  const RotationSpec& spec = rotation.spec();
  const at::Tensor r = rotation.matrices(at::kDouble);
  at::Tensor part = at::block_diag(at::unbind(r.expand({rotation.blocks(), -1, -1})));
  if (spec.butterfly != 0) {
    // Feature (a, g, k) of [.., 2, distance] is number (a, k, g) of [.., distance, 2].
    at::Tensor order = at::arange(rotation.features(), at::kLong);
    order = order.reshape({-1, 2, spec.butterfly}).transpose(1, 2).flatten();
    const at::Tensor permutation = at::eye(rotation.features(), at::kDouble).index_select(0, order);
    part = permutation.t().matmul(part).matmul(permutation);
  }
  at::Tensor whole = at::eye(outputs, at::kDouble);
  const std::int64_t end = spec.first_feature + rotation.features();
  whole.slice(0, spec.first_feature, end).slice(1, spec.first_feature, end).copy_(part);
  return whole;
}

Rotation output_rotation(std::int64_t features, std::int64_t b, std::int64_t first = 0,
                         std::int64_t butterfly = 0) {
  return random_rotation(features, b, 0.3,
                         {.side = Side::kOutput, .first_feature = first, .butterfly = butterfly});
}

TEST(OutputSide, TurnsTheRowsOfEveryKind) {
  at::manual_seed(21);
  const Rotation rotation = output_rotation(12, 4);
  const at::Tensor r = dense(rotation, 12);
  for (const auto& [kind, shape] : std::vector<std::pair<LayerKind, std::vector<std::int64_t>>>{
           {LayerKind::kLinear, {12, 7}},
           {LayerKind::kConv1d, {12, 5, 3}},
           {LayerKind::kConv2d, {12, 2, 3, 3}}}) {
    const at::Tensor w = at::randn(shape, at::kDouble);
    const at::Tensor expected = r.matmul(w.flatten(1)).reshape(shape);
    EXPECT_LT(max_difference(merge_weight(w, kind, {rotation}), expected), 1e-13);
    EXPECT_EQ(rotated_features(kind, shape, Side::kOutput), 12);
  }
  const at::Tensor w = at::randn({7, 12}, at::kDouble);
  EXPECT_LT(max_difference(merge_weight(w, LayerKind::kConv1D, {rotation}), w.matmul(r.t())),
            1e-13);
}

TEST(OutputSide, ActivationsTurnAsTheWeightDoes) {
  at::manual_seed(22);
  for (const std::int64_t butterfly : {0, 2, 6}) {
    const Rotation rotation = output_rotation(24, 4, 0, butterfly);
    const at::Tensor w = at::randn({24, 9}, at::kDouble);
    const at::Tensor x = at::randn({5, 9}, at::kDouble);
    EXPECT_LT(max_difference(rotation.apply(x.matmul(w.t())),
                             x.matmul(merge_weight(w, LayerKind::kLinear, {rotation}).t())),
              1e-12);
  }
}

TEST(OutputSide, PartsAndButterfliesMatchTheirDenseDefinition) {
  at::manual_seed(23);
  const std::vector<std::vector<Rotation>> cases{
      {output_rotation(24, 4, 0, 2)},
      {output_rotation(24, 4, 0, 2), output_rotation(24, 4, 0, 4), output_rotation(24, 6, 0, 12)},
      {output_rotation(8, 4, 0), output_rotation(16, 8, 8)},
      {output_rotation(9, 3, 3), output_rotation(10, 5, 14)},
      {output_rotation(8, 8, 16), output_rotation(24, 6)},
  };
  for (const std::vector<Rotation>& rotations : cases)
    for (const at::ScalarType dtype : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16}) {
      const at::Tensor w = at::randn({24, 33}, at::kDouble).to(dtype);
      at::Tensor expected = w.to(at::kDouble);
      for (const Rotation& rotation : rotations) expected = dense(rotation, 24).matmul(expected);
      const double tolerance = dtype == at::kDouble  ? 1e-12
                               : dtype == at::kFloat ? 3e-6
                               : dtype == at::kHalf  ? 4e-3
                                                     : 3e-2;
      EXPECT_LT(max_difference(merge_weight(w, LayerKind::kLinear, rotations), expected),
                tolerance);
    }
}

TEST(OutputSide, PiecesEqualTheWhole) {
  at::manual_seed(24);
  const std::vector<std::vector<Rotation>> cases{
      {output_rotation(24, 4)},
      {output_rotation(24, 4), output_rotation(12, 6, 12)},
      {output_rotation(9, 3, 3)},
      {output_rotation(10, 5, 14)},
      {output_rotation(24, 4, 0, 4), random_rotation(8, 4, 0.2)},
  };
  const std::vector<std::int64_t> steps{4, 12, 3, 24, 8};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const at::Tensor w = at::randn({24, 8}).to(at::kBFloat16);
    const WeightRotation rotation(LayerKind::kLinear, w.sizes(), w.scalar_type(), cases[i]);
    const std::int64_t step =
        WeightRotation::row_granularity(LayerKind::kLinear, w.sizes(), cases[i]);
    EXPECT_EQ(step, steps[i]);
    const at::Tensor whole = merge_weight(w, LayerKind::kLinear, cases[i]);
    at::Tensor pieces = at::empty_like(w);
    at::Tensor tensors = at::empty_like(w);
    for (std::int64_t row = 0; row < 24; row += step) {
      rotation.run(row, step, w[row].const_data_ptr(), pieces[row].data_ptr());
      rotation.run(row, w.narrow(0, row, step), tensors.narrow(0, row, step));
    }
    EXPECT_TRUE(pieces.equal(whole));
    EXPECT_LT(max_difference(tensors, whole), 0.04);  // an ulp of bfloat16 near 4
  }
}

TEST(OutputSide, BothSidesMeetInOneWeight) {
  at::manual_seed(25);
  const Rotation in1 = random_rotation(12, 4, 0.3);
  const Rotation in2 = random_rotation(12, 6, 0.3);
  const Rotation out1 = output_rotation(10, 5);
  const Rotation out2 = output_rotation(10, 2);
  const at::Tensor w = at::randn({10, 12}, at::kDouble);
  const at::Tensor expected = dense(out2, 10)
                                  .matmul(dense(out1, 10))
                                  .matmul(w)
                                  .matmul(dense(in2, 12).t())
                                  .matmul(dense(in1, 12).t());
  const std::vector<std::vector<Rotation>> orders{
      {in1, in2, out1, out2}, {out1, in1, out2, in2}, {in1, out1, in2, out2}};
  for (const std::vector<Rotation>& order : orders) {
    const at::Tensor merged = merge_weight(w, LayerKind::kLinear, order);
    EXPECT_LT(max_difference(merged, expected), 1e-13);
    EXPECT_LT(max_difference(unmerge_weight(merged, LayerKind::kLinear, order), w), 1e-13);
  }
}

TEST(OutputSide, RowScalesFollowTheRotationTheyBelongTo) {
  at::manual_seed(26);
  const at::Tensor scale = at::rand({6}, at::kDouble) + 0.5;
  const Rotation plain = output_rotation(6, 3);
  const Rotation first(plain.q(), 6, plain.spec(), scale);
  const Rotation second = output_rotation(6, 2);
  const at::Tensor w = at::randn({6, 5}, at::kDouble);
  const at::Tensor expected =
      dense(second, 6).matmul(scale.unsqueeze(1) * dense(first, 6).matmul(w));
  const at::Tensor merged = merge_weight(w, LayerKind::kLinear, {first, second});
  EXPECT_LT(max_difference(merged, expected), 1e-13);
  EXPECT_LT(max_difference(unmerge_weight(merged, LayerKind::kLinear, {first, second}), w), 1e-13);
}

TEST(OutputSide, KeepsTheAnglesOfTheColumns) {
  at::manual_seed(27);
  const at::Tensor w = at::randn({24, 9}, at::kDouble);
  const at::Tensor merged = merge_weight(
      w, LayerKind::kLinear, {output_rotation(24, 4, 0, 2), output_rotation(24, 4, 0, 4)});
  EXPECT_LT(max_difference(merged.t().matmul(merged), w.t().matmul(w)), 1e-12);
  EXPECT_GT(max_difference(merged.matmul(merged.t()), w.matmul(w.t())), 0.1);
}

TEST(OutputSide, MisfitsAreNamed) {
  const Rotation rotation = output_rotation(8, 4, 4);
  const std::string text = error_of(Status::kInvalidArgument, [&] {
    merge_weight(at::zeros({10, 3}), LayerKind::kLinear, {rotation});
  });
  EXPECT_NE(text.find("has 10 outputs, the rotation 8 from number 4 on"), std::string::npos);
  error_of(Status::kUnsupported, [&] {
    merge_weight(at::zeros({12, 8}), LayerKind::kEmbedding, {rotation});
  });
  error_of(Status::kUnsupported, [&] {
    merge_weight(at::zeros({3, 12}), LayerKind::kConv1D, {rotation});
  });
  error_of(Status::kInvalidArgument, [] { output_rotation(12, 4, 0, 5); });
  error_of(Status::kUnsupported,
           [] { random_rotation(8, 4, 0.1, {.side = Side::kInput, .butterfly = 2}); });
}

}  // namespace
}  // namespace oft
