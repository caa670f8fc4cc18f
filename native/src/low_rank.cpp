#include "low_rank.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/randn.h>

#include <algorithm>

namespace oft {
namespace {

// More columns than wanted, and how often the matrix is applied to them: singular values of a
// rotation's change decay slowly.
constexpr std::int64_t kOversampling = 16;
constexpr int kPowerIterations = 4;
// Below this many wanted columns a full decomposition takes longer.
constexpr std::int64_t kFullFraction = 4;
constexpr std::uint64_t kSeed = 0x0f7;

at::Tensor orthonormal(const at::Tensor& columns) {
  return std::get<0>(at::linalg_qr(columns, "reduced"));
}

at::Tensor leading_subspace(const at::Tensor& matrix, std::int64_t columns) {
  const at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(kSeed);
  at::Tensor basis =
      orthonormal(matrix.matmul(at::randn({matrix.size(1), columns}, generator, matrix.options())));
  for (int i = 0; i < kPowerIterations; ++i)
    basis = orthonormal(matrix.matmul(orthonormal(matrix.t().matmul(basis))));
  return basis;
}

}  // namespace

LowRank low_rank(const at::Tensor& matrix, std::int64_t rank) {
  const std::int64_t smaller = std::min(matrix.size(0), matrix.size(1));
  rank = std::min(rank, smaller);
  const std::int64_t columns = rank + kOversampling;
  at::Tensor u;
  at::Tensor s;
  at::Tensor vh;
  if (kFullFraction * columns >= smaller) {
    std::tie(u, s, vh) = at::linalg_svd(matrix, /*full_matrices=*/false);
  } else {
    const at::Tensor basis = leading_subspace(matrix, columns);
    std::tie(u, s, vh) = at::linalg_svd(basis.t().matmul(matrix), /*full_matrices=*/false);
    u = basis.matmul(u);
  }
  const at::Tensor root = s.narrow(0, 0, rank).sqrt();
  LowRank result;
  result.b = (u.narrow(1, 0, rank) * root).to(at::kFloat);
  result.a = (root.unsqueeze(1) * vh.narrow(0, 0, rank)).to(at::kFloat);
  result.residual =
      (matrix - result.b.to(at::kDouble).matmul(result.a.to(at::kDouble))).norm().item<double>();
  return result;
}

}  // namespace oft
