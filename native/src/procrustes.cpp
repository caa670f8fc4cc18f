#include "procrustes.hpp"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_slogdet.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/linalg_solve_ex.h>
#include <ATen/ops/linalg_svd.h>

#include <atomic>
#include <cmath>

#include "block_grain.hpp"
#include "oft/rotation.hpp"
#include "rotation_log.hpp"

namespace oft {
namespace {

/// Calls work(i) for the blocks of [n, b, b]. One by one: MKL's batches are not to be trusted, and
/// these are large enough.
template <typename Work>
void for_each_block(const at::Tensor& blocks, Work work) {
  const std::int64_t b = blocks.size(-1);
  at::parallel_for(0, blocks.size(0), block_grain(b * b * b),
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t i = begin; i < end; ++i) work(i);
                   });
}

/// Q of one rotation, undefined where a plane turns too far: I + R is then close to singular.
at::Tensor bounded_parameters(const at::Tensor& r, const at::Tensor& identity) {
  constexpr double asymmetry = 1e-6;
  const auto [q, info] = at::linalg_solve_ex(r + identity, identity - r);
  if (info.item<int>() != 0 || !q.isfinite().all().item<bool>()) return {};
  const at::Tensor skew = (q - q.t()) * 0.5;
  const double norm = skew.norm().item<double>();
  // Every theta counts twice in the norm.
  const bool is_bounded = norm <= kLargestTheta * std::sqrt(2.0) &&
                          (q - skew).norm().item<double>() <= asymmetry * (1 + norm);
  return is_bounded ? skew : at::Tensor();
}

/// Q of one rotation with planes of about half a turn, the eigenvectors of (R + R^T) / 2 for
/// eigenvalues of about -1: any two of them make a plane to turn, for their directions are lost.
at::Tensor held_parameters(const at::Tensor& r, const at::Tensor& identity, bool& is_held) {
  const double limit = kLargestTheta * kLargestTheta;
  const auto [cosines, vectors] = at::linalg_eigh((r + r.t()) * 0.5);
  std::int64_t count = cosines.lt((1 - limit) / (1 + limit)).sum().item<std::int64_t>();
  count += count % 2;
  is_held = count > 0;
  const at::Tensor half = vectors.narrow(1, 0, count);
  const at::Tensor projection = half.matmul(half.t());
  const at::Tensor rest = r.matmul(identity - projection) + projection;
  const at::Tensor q = at::linalg_solve(rest + identity, identity - rest);
  const at::Tensor first = half.slice(1, 0, count, 2);
  const at::Tensor second = half.slice(1, 1, count, 2);
  const at::Tensor planes = first.matmul(second.t()) * kLargestTheta;
  return (q - q.t()) * 0.5 + planes - planes.t();
}

}  // namespace

at::Tensor nearest_rotations(const at::Tensor& matrices) {
  at::Tensor rotations = at::empty_like(matrices);
  for_each_block(matrices, [&](std::int64_t i) {
    auto [u, s, vh] = at::linalg_svd(matrices[i]);
    if (std::get<0>(at::linalg_slogdet(u.matmul(vh))).item<double>() < 0)
      u.select(1, u.size(1) - 1).neg_();
    rotations[i].copy_(u.matmul(vh));
  });
  return rotations;
}

CayleyParameters cayley_parameters(const at::Tensor& rotations) {
  const at::Tensor identity = at::eye(rotations.size(-1), rotations.options());
  const at::Tensor skew = at::empty_like(rotations);
  std::atomic<std::int64_t> held = 0;
  for_each_block(rotations, [&](std::int64_t i) {
    at::Tensor q = bounded_parameters(rotations[i], identity);
    if (!q.defined()) {
      bool is_held = false;
      q = held_parameters(rotations[i], identity, is_held);
      if (is_held) ++held;
    }
    skew[i].copy_(q);
  });
  return {upper_from_skew(skew), held};
}

}  // namespace oft
