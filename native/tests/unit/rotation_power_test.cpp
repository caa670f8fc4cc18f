#include <cmath>

#include "oft/rotation.hpp"
#include "src/rotation_log.hpp"
#include "support.hpp"

namespace oft {
namespace {

using namespace testing;

/// The rotation nearest to each block, by its singular vectors.
at::Tensor nearest(const at::Tensor& r) {
  const auto [u, s, vh] = at::linalg_svd(r);
  return u.matmul(vh);
}

RotationSpec spec_of(Formula formula, std::int64_t terms = 5) {
  return {.formula = formula, .terms = terms};
}

Rotation random_rotation_64(std::int64_t blocks, std::int64_t b, double sigma,
                            RotationSpec spec = {}) {
  return Rotation(at::randn({blocks, b * (b - 1) / 2}, at::kDouble) * sigma, blocks * b, spec);
}

at::Tensor matrices(const Rotation& rotation) { return rotation.matrices(at::kDouble); }

TEST(RotationLog, ExponentialOfTheLogarithmIsTheRotation) {
  at::manual_seed(31);
  for (const std::int64_t b : {2, 3, 4, 7, 32, 65}) {
    const Rotation rotation = random_rotation_64(3, b, 2.0 / std::sqrt(static_cast<double>(b)));
    const at::Tensor log = rotation_log(rotation);
    EXPECT_LT(max_difference(log, -log.transpose(1, 2)), 1e-15);
    EXPECT_LT(max_difference(at::matrix_exp(log), matrices(rotation)), 1e-12);
    const Rotation again(cayley_of_log(log), rotation.features(), {});
    EXPECT_LT(max_difference(matrices(again), matrices(rotation)), 1e-12);
  }
}

TEST(RotationPower, ExponentsAdd) {
  at::manual_seed(32);
  for (const std::int64_t b : {2, 3, 5, 16, 33}) {
    const Rotation rotation = random_rotation_64(4, b, 0.3);
    for (const auto& [s, t] : {std::pair{0.5, 0.5}, {0.3, 0.9}, {1.7, -0.4}, {-1.0, 1.0}}) {
      const at::Tensor product = matrices(rotation.power(s)).matmul(matrices(rotation.power(t)));
      EXPECT_LT(max_difference(product, matrices(rotation.power(s + t))), 1e-12);
    }
  }
}

TEST(RotationPower, IsTheExponentialOfTheScaledLogarithm) {
  at::manual_seed(33);
  const std::vector<RotationSpec> specs{
      {},
      spec_of(Formula::kCayleyNeumann),
      spec_of(Formula::kCayleyNeumann, 4),
      spec_of(Formula::kCayleyNeumann, 2),
      spec_of(Formula::kCayleyNeumannLegacy),
      {.coft_eps = 0.2},
      {.formula = Formula::kCayleyNeumann, .coft_eps = 0.05},
  };
  for (const RotationSpec& spec : specs) {
    const Rotation rotation = random_rotation_64(3, 8, 0.12, spec);
    const at::Tensor r = nearest(matrices(rotation));
    for (const double exponent : {0.5, 1.0, 2.0, -0.7}) {
      const Rotation power = rotation.power(exponent);
      EXPECT_TRUE(power.is_orthogonal());
      EXPECT_FALSE(power.spec().coft_eps);
      EXPECT_LT(power.orthogonality_error(at::kDouble), 1e-12);
      // exp(s log R) by the eigenvectors of the unitary R, of which libtorch knows nothing here.
      const auto [values, vectors] = at::linalg_eig(r);
      const at::Tensor scaled = at::exp(at::log(values) * exponent);
      const at::Tensor expected =
          at::real((vectors * scaled.unsqueeze(1)).matmul(at::linalg_inv(vectors)));
      EXPECT_LT(max_difference(matrices(power), expected), 1e-11)
          << formula_name(spec.formula) << spec.terms << " to the " << exponent;
    }
  }
}

TEST(RotationPower, HalfAngleOfOnePlane) {
  for (const double theta : {1e-6, 0.2, 1.5, 40.0}) {
    const Rotation rotation(at::full({1, 1}, theta, at::kDouble), 2, {});
    const double angle = rotation.largest_angle();
    EXPECT_NEAR(angle, 2 * std::atan(theta), 1e-12);
    EXPECT_NEAR(rotation.power(0.5).largest_angle(), angle / 2, 1e-12);
    EXPECT_NEAR(rotation.power(0.5).q().item<double>(), std::tan(std::atan(theta) / 2), 1e-12);
  }
}

TEST(RotationPower, OneKeepsTheBitsAndZeroIsTheIdentity) {
  at::manual_seed(34);
  const Rotation rotation = random_rotation(12, 4, 0.4);
  EXPECT_TRUE(rotation.power(1).q().equal(rotation.q()));
  EXPECT_TRUE(rotation.power(0).q().equal(at::zeros_like(rotation.q())));
  const Rotation half(rotation.q().to(at::kHalf), 12, rotation.spec());
  EXPECT_EQ(half.power(0.5).q().scalar_type(), at::kFloat);
  EXPECT_LT(max_difference(half.power(1).q(), half.q()), 1e-12);
}

TEST(RotationPower, KeepsShapeSideAndSharing) {
  const RotationSpec spec{.block_share = true, .side = Side::kOutput, .butterfly = 2};
  const at::Tensor scale = at::tensor({1.0, 2.0, 0.5, 1.0, 1.0, 3.0, 1.0, 1.0}, at::kDouble);
  const Rotation rotation(at::full({1, 6}, 0.1), 8, spec, scale);
  const Rotation half = rotation.power(0.5);
  EXPECT_EQ(half.blocks(), 2);
  EXPECT_TRUE(half.spec().block_share);
  EXPECT_EQ(half.spec().side, Side::kOutput);
  EXPECT_EQ(half.spec().butterfly, 2);
  EXPECT_LT(max_difference(half.row_scale(), (scale + 1) / 2), 1e-15);
  EXPECT_TRUE(rotation.power(1).row_scale().equal(scale));
  const Rotation single(at::zeros({4, 0}), 4, {});
  EXPECT_EQ(single.power(0.5).q().sizes(), at::IntArrayRef({4, 0}));
}

TEST(RotationLog, PolynomialsAndEigenvectorsAgree) {
  at::manual_seed(36);
  // The largest theta of q ~ N(0, sigma) is about 2 sigma sqrt(b): from tiny to past half a turn.
  for (const double largest : {1e-7, 1e-3, 0.05, 0.3, 0.65, 0.8, 3.0, 30.0}) {
    const std::int64_t b = 40;
    const Rotation rotation =
        random_rotation_64(2, b, largest / 2 / std::sqrt(static_cast<double>(b)));
    const at::Tensor log = rotation_log(rotation);
    EXPECT_LT(max_difference(at::matrix_exp(log), matrices(rotation)), 1e-12) << largest;
    EXPECT_LT(max_difference(cayley_of_log(log), rotation.q()), 1e-12 * (1 + largest * largest));
    const at::Tensor third = matrices(rotation.power(1.0 / 3));
    EXPECT_LT(max_difference(third.matmul(third).matmul(third), matrices(rotation)), 1e-12);
    const at::Tensor relative = log / skew_from_upper(rotation.q(), b);
    if (largest < 1e-2) {
      EXPECT_LT((relative + 2).masked_select(log != 0).abs().max().item<double>(), 1e-3);
    }
  }
}

TEST(RotationPower, LargeBlocksStayOrthogonal) {
  at::manual_seed(35);
  const Rotation rotation = random_rotation_64(1, 512, 0.05);
  const at::Tensor half = matrices(rotation.power(0.5));
  EXPECT_LT(max_difference(half.matmul(half), matrices(rotation)), 1e-12);
}

TEST(RotationPower, HalfTurnsAndSingularBlocksAreNamed) {
  at::Tensor q = at::zeros({2, 1}, at::kDouble);
  q[1][0] = 1;  // a quarter turn
  const Rotation quarter(q, 4, {});
  EXPECT_LT(max_difference(matrices(quarter.power(3)), at::matrix_power(matrices(quarter), 3)),
            1e-12);
  expect_error(Status::kInvalidArgument, {"block 1", "3.14159", "half a turn"},
               [&] { quarter.power(2); });
  const Rotation singular(q, 4, {.formula = Formula::kCayleyNeumann});
  expect_error(Status::kInvalidArgument, {"block 1", "singular"}, [&] { singular.power(0.5); });
  expect_error(Status::kInvalidArgument, {"finite"}, [&] { quarter.power(INFINITY); });
  q[0][0] = NAN;
  expect_error(Status::kInvalidArgument, {"NaN"}, [&] { Rotation(q, 4, {}).power(0.5); });
}

}  // namespace
}  // namespace oft
