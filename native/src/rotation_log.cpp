#include "rotation_log.hpp"

#include <c10/util/MathConstants.h>

#include <cmath>
#include <complex>
#include <limits>
#include <string>

#include "cayley.hpp"
#include "odd_function.hpp"
#include "oft/error.hpp"
#include "text.hpp"

namespace oft {
namespace {

// A plane stretched to less than this has lost its direction to rounding.
constexpr double kSingular = 1e-9;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// The angle by which the rotation nearest to R turns the plane of theta, as exp has it.
double plane_angle(double theta, const RotationSpec& spec) {
  const std::complex<double> eigenvalue = turn(theta, spec);
  return std::abs(eigenvalue) < kSingular ? kNone : std::arg(eigenvalue);
}

/// -tan(angle / 2), the theta that the exact formula turns by `angle`.
double cayley_theta(double angle) {
  const double theta = -std::tan(angle / 2);
  return std::abs(theta) <= kLargestTheta ? theta : kNone;
}

[[noreturn]] void refuse_singular(double theta, std::int64_t block) {
  throw Error(Status::kInvalidArgument, "rotation block " + std::to_string(block) +
                                            " is singular (its Neumann series takes a plane of "
                                            "theta = " +
                                            number_text(theta) +
                                            " to zero), so that no rotation is nearest to it");
}

[[noreturn]] void refuse_half_turn(double angle, std::int64_t block) {
  const double turned = std::abs(std::remainder(angle, 2 * c10::pi<double>));
  throw Error(Status::kInvalidArgument,
              "rotation block " + std::to_string(block) + " turns a plane by " +
                  std::to_string(turned) +
                  " rad, and the exact Cayley formula ends before half a turn, pi; choose another "
                  "exponent or weight");
}

}  // namespace

at::Tensor rotation_log(const Rotation& rotation) {
  const RotationSpec& spec = rotation.spec();
  return apply_odd_function(
      rotation.skew(at::kDouble),
      {[&](double theta) { return plane_angle(theta, spec); }, refuse_singular});
}

at::Tensor cayley_of_log(const at::Tensor& log) {
  return upper_from_skew(apply_odd_function(log, {cayley_theta, refuse_half_turn}));
}

at::Tensor cayley_of_power(const Rotation& rotation, double exponent) {
  const RotationSpec& spec = rotation.spec();
  const OddFunction power{
      [&](double theta) { return cayley_theta(exponent * plane_angle(theta, spec)); },
      [&](double theta, std::int64_t block) {
        const double angle = plane_angle(theta, spec);
        if (std::isnan(angle)) refuse_singular(theta, block);
        refuse_half_turn(exponent * angle, block);
      }};
  return upper_from_skew(apply_odd_function(rotation.skew(at::kDouble), power));
}

}  // namespace oft
