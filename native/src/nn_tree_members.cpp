#include "nn_tree_members.hpp"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/instancenorm.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include "dtypes.hpp"

namespace oft {
namespace {

namespace modules = torch::nn;
using modules::Module;

template <typename T>
at::Tensor* weight_or_bias(Module& module, const std::string& name) {
  auto* typed = dynamic_cast<T*>(&module);
  if (typed == nullptr) return nullptr;
  if (name == "weight") return &typed->weight;
  if constexpr (requires { typed->bias; }) {
    if (name == "bias") return &typed->bias;
  }
  return nullptr;
}

template <typename... T>
at::Tensor* weight_or_bias_of_any(Module& module, const std::string& name) {
  at::Tensor* found = nullptr;
  static_cast<void>(((found = weight_or_bias<T>(module, name)) || ...));
  return found;
}

template <typename T>
at::Tensor* running_statistic(Module& module, const std::string& name) {
  auto* typed = dynamic_cast<T*>(&module);
  if (typed == nullptr) return nullptr;
  if (name == "running_mean") return &typed->running_mean;
  if (name == "running_var") return &typed->running_var;
  if (name == "num_batches_tracked") return &typed->num_batches_tracked;
  return nullptr;
}

template <typename... T>
at::Tensor* running_statistic_of_any(Module& module, const std::string& name) {
  at::Tensor* found = nullptr;
  static_cast<void>(((found = running_statistic<T>(module, name)) || ...));
  return found;
}

at::Tensor* attention_member(Module& module, const std::string& name) {
  auto* attention = dynamic_cast<modules::MultiheadAttentionImpl*>(&module);
  if (attention == nullptr) return nullptr;
  if (name == "in_proj_weight") return &attention->in_proj_weight;
  if (name == "in_proj_bias") return &attention->in_proj_bias;
  if (name == "q_proj_weight") return &attention->q_proj_weight;
  if (name == "k_proj_weight") return &attention->k_proj_weight;
  if (name == "v_proj_weight") return &attention->v_proj_weight;
  if (name == "bias_k") return &attention->bias_k;
  if (name == "bias_v") return &attention->bias_v;
  return nullptr;
}

}  // namespace

LayerKind nn_kind(const Module& module) {
  if (dynamic_cast<const modules::LinearImpl*>(&module) != nullptr) return LayerKind::kLinear;
  if (dynamic_cast<const modules::Conv1dImpl*>(&module) != nullptr) return LayerKind::kConv1d;
  if (dynamic_cast<const modules::Conv2dImpl*>(&module) != nullptr) return LayerKind::kConv2d;
  if (dynamic_cast<const modules::EmbeddingImpl*>(&module) != nullptr) return LayerKind::kEmbedding;
  return LayerKind::kOther;
}

std::int64_t nn_groups(const Module& module) {
  if (const auto* conv = dynamic_cast<const modules::Conv1dImpl*>(&module))
    return conv->options.groups();
  if (const auto* conv = dynamic_cast<const modules::Conv2dImpl*>(&module))
    return conv->options.groups();
  return 1;
}

at::Tensor* nn_member(Module& module, const std::string& name) {
  if (at::Tensor* found = weight_or_bias_of_any<
          modules::LinearImpl, modules::Conv1dImpl, modules::Conv2dImpl, modules::Conv3dImpl,
          modules::EmbeddingImpl, modules::EmbeddingBagImpl, modules::LayerNormImpl,
          modules::GroupNormImpl, modules::BatchNorm1dImpl, modules::BatchNorm2dImpl,
          modules::BatchNorm3dImpl, modules::InstanceNorm1dImpl, modules::InstanceNorm2dImpl,
          modules::InstanceNorm3dImpl, modules::ConvTranspose1dImpl, modules::ConvTranspose2dImpl,
          modules::ConvTranspose3dImpl, modules::BilinearImpl, modules::PReLUImpl>(module, name))
    return found;
  if (at::Tensor* found =
          running_statistic_of_any<modules::BatchNorm1dImpl, modules::BatchNorm2dImpl,
                                   modules::BatchNorm3dImpl, modules::InstanceNorm1dImpl,
                                   modules::InstanceNorm2dImpl, modules::InstanceNorm3dImpl>(module,
                                                                                             name))
    return found;
  return attention_member(module, name);
}

std::optional<NormLimit> nn_norm_limit(Module& module) {
  auto* embedding = dynamic_cast<modules::EmbeddingImpl*>(&module);
  if (embedding == nullptr || !embedding->options.max_norm()) return std::nullopt;
  std::optional<double>& option = embedding->options.max_norm();
  return NormLimit{&option, *option, embedding->options.norm_type()};
}

std::optional<std::string> nn_obstacle(Module& module) {
  const at::Tensor* weight = nn_member(module, "weight");
  if (nn_kind(module) == LayerKind::kOther || weight == nullptr)
    return "only Linear, Conv1d, Conv2d and Embedding can be rotated";
  if (!weight->defined() || !is_rotatable(weight->scalar_type()))
    return "its weight is not of float16, bfloat16, float32 or float64";
  const auto* embedding = dynamic_cast<modules::EmbeddingImpl*>(&module);
  if (embedding != nullptr && embedding->options.sparse())
    return "sparse gradients do not go through a rotation; build it with sparse(false)";
  if (embedding != nullptr && embedding->options.max_norm() && embedding->options.norm_type() != 2)
    return "a rotation keeps only the 2-norm, not that of its norm_type";
  return std::nullopt;
}

}  // namespace oft
