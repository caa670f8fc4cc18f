#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

/// What training does to rotations besides gradients.
namespace oft {

/// `projected`, within the COFT radius, where gradients flow to q as if q itself had moved there.
at::Tensor straight_through(const at::Tensor& q, const at::Tensor& projected);

/// Which of a layer's blocks `module_dropout` turns into I, [rows] of bool: int(p * rows), drawn
/// anew; none of a single one.
at::Tensor dropped_blocks(std::int64_t rows, double p);

/// R [rows, b, b] with I in the place of those.
at::Tensor without_blocks(const at::Tensor& r, const at::Tensor& dropped);

}  // namespace oft
