#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>

#include "oft/targets.hpp"

namespace torch::nn {
class Module;
}

/// What is known of libtorch's own modules by their types.
namespace oft {

LayerKind nn_kind(const torch::nn::Module& module);

/// The groups of a convolution that can be rotated, else 1.
std::int64_t nn_groups(const torch::nn::Module& module);

/// The member that a module's forward reads for its own parameter or buffer of this name, or null
/// where that is not known of its class.
at::Tensor* nn_member(torch::nn::Module& module, const std::string& name);

/// What an Embedding's `max_norm` says.
struct NormLimit {
  std::optional<double>* option;
  double max_norm;
  double norm_type;
};
std::optional<NormLimit> nn_norm_limit(torch::nn::Module& module);

/// Why a module of a kind that can be rotated cannot be after all, or nothing.
std::optional<std::string> nn_obstacle(torch::nn::Module& module);

}  // namespace oft
