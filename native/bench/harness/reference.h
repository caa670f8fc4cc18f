#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "oft/rotation.hpp"

/// The formulas once more, by libtorch's operators in float64: what results are checked against.
namespace oft::bench {

/// PEFT's series of five terms; the exact formula is RotationSpec's default.
inline constexpr RotationSpec kExact = {};
inline constexpr RotationSpec kNeumann = {.formula = Formula::kCayleyNeumann};

inline const char* formula_label(const RotationSpec& spec) {
  return spec.formula == Formula::kCayley ? "exact" : "Neumann-5";
}

/// R [n, b, b] from q [n, b(b-1)/2], differentiable.
at::Tensor reference_rotation(const at::Tensor& q, std::int64_t b, const RotationSpec& spec);

/// x R for x [rows, n b].
at::Tensor reference_rotate(const at::Tensor& x, const at::Tensor& r);

/// Parameters of n blocks that turn visibly: ||Q|| of about 0.4.
at::Tensor sample_parameters(std::int64_t n, std::int64_t b);

}  // namespace oft::bench
