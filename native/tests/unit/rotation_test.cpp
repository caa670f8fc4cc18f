#include "oft/rotation.hpp"

#include "src/cayley.hpp"
#include "src/rotate_blocks.hpp"
#include "support.hpp"

namespace oft {
namespace {

using namespace testing;

constexpr double kTwelveDigits = 1e-12;

TEST(Rotation, TwelveDigitVectors) {
  int compared = 0;
  const json document = read_json(data_dir() / "twelve_digit_vectors.json");
  for (const json& vector : document["vectors"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    const std::int64_t features = tensor_of(vector["weight"]).flatten(1).size(1);
    for (const json& adapter : vector["adapters"]) {
      const Rotation rotation(tensor_of(adapter["q"]), features, spec_of(adapter));
      EXPECT_EQ(rotation.block_size(), adapter["block_size"].get<std::int64_t>());
      EXPECT_LT(max_difference(rotation.matrices(at::kDouble), tensor_of(adapter["R"])),
                kTwelveDigits);
      if (adapter.contains("q_after")) {
        EXPECT_LT(max_difference(upper_from_skew(rotation.skew(at::kDouble)),
                                 tensor_of(adapter["q_after"])),
                  kTwelveDigits);
      }
      ++compared;
    }
    if (vector.contains("xR")) {
      at::Tensor x = tensor_of(vector["x"]);
      for (const json& adapter : vector["adapters"])
        x = Rotation(tensor_of(adapter["q"]), features, spec_of(adapter)).apply(x);
      EXPECT_LT(max_difference(x, tensor_of(vector["xR"])), kTwelveDigits);
    }
  }
  EXPECT_GE(compared, 20);
}

TEST(Rotation, BlocksAreThoseOfPeft) {
  const std::vector<PeftLayer> layers = peft_layers();
  EXPECT_GE(layers.size(), 60U);
  for (const PeftLayer& layer : layers) {
    SCOPED_TRACE(layer.name);
    const at::Tensor& expected = layer.tensors.at("R");
    const at::ScalarType type = expected.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    EXPECT_LT(max_difference(layer.rotation.matrices(type), expected),
              type == at::kDouble ? 1e-13 : 2e-6);
  }
}

TEST(Rotation, RotatedInputsGiveTheForwardOfPeft) {
  int compared = 0;
  for (const PeftLayer& layer : peft_layers()) {
    if (layer.kind != LayerKind::kLinear) continue;
    SCOPED_TRACE(layer.name);
    const at::Tensor weight = layer.tensors.at("weight").to(at::kDouble);
    const at::Tensor& expected = layer.tensors.at("y");
    const at::Tensor x = layer.rotation.apply(layer.tensors.at("x").to(expected.scalar_type()));
    const at::Tensor y =
        x.to(at::kDouble).matmul(weight.t()) + layer.tensors.at("bias").to(at::kDouble);
    const double tolerance = expected.scalar_type() == at::kDouble  ? 1e-12
                             : expected.scalar_type() == at::kFloat ? 5e-6
                                                                    : 0x1p-6;
    EXPECT_TRUE(at::allclose(y, expected.to(at::kDouble), tolerance, tolerance))
        << max_difference(y, expected);
    ++compared;
  }
  EXPECT_GE(compared, 30);
}

TEST(Rotation, ExactBlocksAreOrthogonalToRounding) {
  at::manual_seed(1);
  for (const std::int64_t b : {2, 3, 8, 31, 32, 33, 64, 128, 300}) {
    const Rotation rotation = random_rotation(b * 3, b, 1.0);
    EXPECT_LT(rotation.orthogonality_error(at::kFloat), 2e-6 * static_cast<double>(b));
    EXPECT_LT(rotation.orthogonality_error(at::kDouble), 1e-13 * static_cast<double>(b));
  }
}

TEST(Rotation, InverseUndoesEveryFormula) {
  at::manual_seed(2);
  for (const Formula formula :
       {Formula::kCayley, Formula::kCayleyNeumann, Formula::kCayleyNeumannLegacy}) {
    const Rotation rotation = random_rotation(64, 16, 0.1, {.formula = formula});
    const at::Tensor product = rotation.matrices(at::kDouble).matmul(rotation.inverse(at::kDouble));
    EXPECT_LT(max_difference(product, at::eye(16, at::kDouble).expand({4, 16, 16})), 1e-12)
        << formula_name(formula);
  }
}

// Sizes at which a batched LU of libtorch on several threads is wrong.
TEST(Rotation, InverseOfLargeBlocks) {
  at::manual_seed(6);
  for (const std::int64_t b : {160, 200, 300}) {
    for (const Formula formula : {Formula::kCayleyNeumann, Formula::kCayleyNeumannLegacy}) {
      const Rotation rotation = random_rotation(3 * b, b, 0.02, {.formula = formula});
      const at::Tensor r = rotation.matrices(at::kDouble);
      const at::Tensor identity = at::eye(b, at::kDouble).expand_as(r);
      EXPECT_LT(max_difference(r.matmul(rotation.inverse(at::kDouble)), identity), 1e-12)
          << formula_name(formula) << " " << b;
      EXPECT_LT(max_difference(rotation.inverse(at::kFloat).to(at::kDouble),
                               rotation.matrices(at::kFloat).to(at::kDouble).inverse()),
                1e-6)
          << formula_name(formula) << " " << b;
    }
  }
}

// By more than a right angle, where elimination has to pivot.
TEST(Rotation, InverseOfLargeAngles) {
  at::manual_seed(8);
  for (const std::int64_t b : {3, 32, 160}) {
    const Rotation rotation =
        random_rotation(4 * b, b, 1.0, {.formula = Formula::kCayleyNeumann, .terms = 4});
    const at::Tensor r = rotation.matrices(at::kDouble);
    ASSERT_LT(r.diagonal(0, 1, 2).min().item<double>(), 0);
    const at::Tensor inverse = rotation.inverse(at::kDouble);
    const at::Tensor residual = r.matmul(inverse) - at::eye(b, at::kDouble);
    // Backward stable: off by some roundings of |R| |R^-1|.
    EXPECT_LT((residual.abs() / r.abs().matmul(inverse.abs())).max().item<double>(), 1e-14) << b;
  }
}

TEST(Rotation, SolveOfLargeBlocksAgreesWithTheKernel) {
  at::manual_seed(7);
  for (const std::int64_t b : {160, 200, 300}) {
    const at::Tensor q = at::randn({3, b * (b - 1) / 2}, at::kDouble) * 0.1;
    EXPECT_LT(max_difference(cayley_aten(q, b, {}), Rotation(q, 3 * b, {}).matrices(at::kDouble)),
              1e-13 * static_cast<double>(b))
        << b;
  }
}

TEST(Rotation, SingularBlockIsNamed) {
  const Rotation rotation(tensor_of({{0.1}, {1.0}}), 4,
                          {.formula = Formula::kCayleyNeumann, .terms = 5});
  const std::string text =
      error_of(Status::kInvalidArgument, [&] { rotation.inverse(at::kDouble); });
  EXPECT_NE(text.find("block 1 is singular"), std::string::npos) << text;
}

TEST(Rotation, InverseOfWhatIsNotFiniteIsRefused) {
  for (const double value : {NAN, INFINITY}) {
    at::Tensor q = at::zeros({3, 496}, at::kDouble);
    q[2][7] = value;
    const Rotation rotation(q, 96, {.formula = Formula::kCayleyNeumann, .terms = 5});
    const std::string text =
        error_of(Status::kInvalidArgument, [&] { rotation.inverse(at::kFloat); });
    EXPECT_NE(text.find("block 2 is singular"), std::string::npos) << text;
  }
}

TEST(Rotation, AnglesAreThoseOfTheEigenvaluesOfR) {
  at::manual_seed(3);
  for (const RotationSpec& spec :
       {RotationSpec{}, RotationSpec{.formula = Formula::kCayleyNeumann, .terms = 6}}) {
    const Rotation rotation = random_rotation(14, 7, 0.2, spec);
    const at::Tensor r = rotation.matrices(at::kDouble);
    const at::Tensor eigenvalues = at::linalg_eigvals(r);
    const at::Tensor sorted =
        std::get<0>(at::angle(eigenvalues).abs().sort(1, /*descending=*/true));
    // pairs of conjugates, and the one axis of an odd block that stays
    EXPECT_LT(max_difference(rotation.angles(), sorted.index_select(1, at::tensor({0, 2, 4}))),
              1e-12);
    EXPECT_NEAR(rotation.largest_angle(), rotation.angles().max().item<double>(), 1e-12);
  }
}

TEST(Rotation, WhatIsNotFiniteHasNoAngle) {
  EXPECT_TRUE(std::isnan(Rotation(at::full({2, 6}, NAN), 8, {}).largest_angle()));
  EXPECT_TRUE(std::isnan(Rotation(at::full({2, 6}, INFINITY), 8, {}).orthogonality_error()));
  const Rotation huge(at::full({2, 6}, 1e30), 8, {});
  EXPECT_NEAR(huge.largest_angle(), M_PI, 1e-12);
}

TEST(Rotation, BlocksOfOneTurnNothing) {
  const Rotation rotation(at::zeros({5, 0}), 5, {});
  EXPECT_EQ(rotation.block_size(), 1);
  EXPECT_EQ(rotation.largest_angle(), 0);
  const at::Tensor x = at::randn({3, 5});
  EXPECT_TRUE(rotation.apply(x).equal(x));
}

TEST(Rotation, ApplyTakesEveryRankAndType) {
  at::manual_seed(4);
  const Rotation rotation = random_rotation(24, 8, 0.3);
  const at::Tensor dense = at::block_diag(at::unbind(rotation.matrices(at::kDouble)));
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{
           {24}, {1, 24}, {2, 3, 24}, {2, 1, 3, 24}, {0, 24}, {2, 2, 2, 2, 24}}) {
    const at::Tensor x = at::randn(shape, at::kDouble);
    EXPECT_LT(max_difference(rotation.apply(x), x.matmul(dense)), 1e-13);
  }
  const at::Tensor x = at::randn({33, 24});
  EXPECT_LT(max_difference(rotation.apply(x), x.to(at::kDouble).matmul(dense)), 2e-6);
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    const at::Tensor half = x.to(type);
    const at::Tensor exact = half.to(at::kDouble).matmul(dense);
    // one rounding of the result
    EXPECT_TRUE(at::allclose(rotation.apply(half).to(at::kDouble), exact,
                             type == at::kHalf ? 0x1p-11 : 0x1p-8, 1e-6));
  }
}

TEST(Rotation, OperatorsOfLibtorchAgreeWithTheKernels) {
  at::manual_seed(5);
  for (const Formula formula :
       {Formula::kCayley, Formula::kCayleyNeumann, Formula::kCayleyNeumannLegacy})
    for (const std::int64_t terms : {0, 1, 2, 3, 4, 5, 8}) {
      const RotationSpec spec{.formula = formula, .terms = terms};
      const at::Tensor q = at::randn({3, 66}, at::kDouble) * 0.2;
      EXPECT_LT(
          max_difference(cayley_aten(q, 12, spec), Rotation(q, 36, spec).matrices(at::kDouble)),
          1e-13)
          << formula_name(formula) << " " << terms;
    }
  const Rotation rotation = random_rotation(36, 12, 0.3);
  const at::Tensor x = at::randn({5, 7, 36});
  EXPECT_LT(max_difference(rotate_blocks_aten(x, rotation.matrices(at::kFloat)), rotation.apply(x)),
            1e-6);
}

TEST(Rotation, ShapesThatDoNotFitAreNamed) {
  EXPECT_NE(error_of(Status::kInvalidArgument,
                     [] {
                       Rotation(at::zeros({2, 5}), 8, {});
                     })
                .find("5 per block is not b(b-1)/2"),
            std::string::npos);
  EXPECT_NE(error_of(Status::kInvalidArgument,
                     [] {
                       Rotation(at::zeros({2, 6}), 12, {});
                     })
                .find("2 blocks of 4 do not make up 12 features"),
            std::string::npos);
  EXPECT_NE(error_of(Status::kInvalidArgument,
                     [] {
                       Rotation(at::zeros({2, 6}), 8, {.block_share = true});
                     })
                .find("shared"),
            std::string::npos);
  error_of(Status::kInvalidArgument, [] { Rotation(at::zeros({6}), 4, {}); });
  error_of(Status::kInvalidArgument, [] { Rotation(at::zeros({1, 6}, at::kLong), 4, {}); });
  const Rotation rotation = random_rotation(8, 4, 0.1);
  EXPECT_NE(error_of(Status::kInvalidArgument,
                     [&] {
                       rotation.apply(at::zeros({3, 9}));
                     })
                .find("8 features"),
            std::string::npos);
  error_of(Status::kInvalidArgument, [&] { rotation.apply(at::zeros({3, 8}, at::kLong)); });
}

}  // namespace
}  // namespace oft
