#include "blend_factor.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <string>

#include "oft/error.hpp"
#include "rotation_log.hpp"

namespace oft {
namespace {

/// The blocks that all terms are brought to.
struct Grid {
  std::int64_t block_size;
  std::int64_t rows;  ///< 1 where all terms share one block
  bool is_shared;
};

Grid common_grid(const std::vector<BlendTerm>& terms) {
  Grid grid{0, 1, true};
  for (const BlendTerm& term : terms)
    grid.block_size = std::max(grid.block_size, term.rotation.block_size());
  std::int64_t features = 0;
  for (const BlendTerm& term : terms) {
    const Rotation& rotation = term.rotation;
    if (grid.block_size % rotation.block_size() != 0)
      throw Error(Status::kInvalidArgument,
                  "blocks of " + std::to_string(rotation.block_size()) + " and of " +
                      std::to_string(grid.block_size) +
                      " cannot be blended: the one must divide the other");
    if (rotation.spec().block_share) continue;
    if (features != 0 && rotation.features() != features)
      throw Error(Status::kInvalidArgument,
                  "one adapter turns " + std::to_string(features) + " features, another " +
                      std::to_string(rotation.features()) + "; they are for different models");
    features = rotation.features();
    grid.is_shared = false;
  }
  if (grid.is_shared) return grid;
  if (features % grid.block_size != 0)
    throw Error(Status::kInvalidArgument, "shared blocks of " + std::to_string(grid.block_size) +
                                              " do not divide the " + std::to_string(features) +
                                              " features of another adapter");
  grid.rows = features / grid.block_size;
  return grid;
}

/// Blocks [n, b1, b1] as the diagonal of larger ones, repeated where one serves for all.
at::Tensor embed(const at::Tensor& blocks, const Grid& grid) {
  const std::int64_t b = blocks.size(1);
  const std::int64_t parts = grid.block_size / b;
  const at::Tensor all = blocks.expand({grid.rows * parts, b, b});
  if (parts == 1) return all;
  const at::Tensor wide = at::zeros({grid.rows, parts, b, parts, b}, blocks.options());
  wide.diagonal(0, 1, 3).copy_(all.reshape({grid.rows, parts, b, b}).permute({0, 2, 3, 1}));
  return wide.reshape({grid.rows, grid.block_size, grid.block_size});
}

/// Q of the exact formula for the rotation nearest to each block.
at::Tensor cayley_skew(const Rotation& rotation) {
  if (rotation.is_orthogonal()) return rotation.skew(at::kDouble);
  return skew_from_upper(cayley_of_power(rotation, 1), rotation.block_size());
}

at::Tensor blend_on_group(const std::vector<BlendTerm>& terms, const Grid& grid) {
  at::Tensor sum = at::zeros({grid.rows, grid.block_size, grid.block_size}, at::kDouble);
  for (const BlendTerm& term : terms)
    sum.add_(embed(rotation_log(term.rotation), grid), term.weight);
  return cayley_of_log(sum);
}

at::Tensor blend_by_ortho_merge(const std::vector<BlendTerm>& terms, const Grid& grid) {
  at::Tensor sum = at::zeros({grid.rows, grid.block_size, grid.block_size}, at::kDouble);
  double norms = 0;
  for (const BlendTerm& term : terms) {
    const at::Tensor skew = embed(cayley_skew(term.rotation), grid) * term.weight;
    norms += skew.norm().item<double>();
    sum.add_(skew);
  }
  const double norm = sum.norm().item<double>();
  if (norm > 0) sum.mul_(norms / norm / static_cast<double>(terms.size()));
  return upper_from_skew(sum);
}

}  // namespace

BlendedFactor blend_factor(const std::vector<BlendTerm>& terms, BlendRule rule) {
  const Grid grid = common_grid(terms);
  BlendedFactor result{{}, grid.block_size, grid.is_shared};
  if (grid.block_size == 1)
    result.q = at::zeros({grid.rows, 0}, at::kDouble);
  else if (terms.size() == 1 && rule == BlendRule::kGroup)
    result.q = terms.front().rotation.power(terms.front().weight).q();
  else
    result.q =
        rule == BlendRule::kGroup ? blend_on_group(terms, grid) : blend_by_ortho_merge(terms, grid);
  return result;
}

}  // namespace oft
