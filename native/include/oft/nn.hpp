#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <optional>

#include "oft/config.hpp"
#include "oft/export.hpp"

/// Layers for those who write a network with OFT in it from the start.
namespace oft::nn {

/// y = (x R) W^T + bias with W and bias frozen and R trained: a torch::nn::Linear of a pretrained
/// weight and its rotation. Parameters: `oft_R` [in_features / b, b(b-1)/2] (one row with
/// `block_share`), zero unless `init_weights` is false; buffers: `weight`, `bias`.
class OFT_EXPORT OFTLinearImpl : public torch::nn::Cloneable<OFTLinearImpl> {
 public:
  /// Takes weight and bias of `base`, which must not be used for training any more. Throws
  /// Error(kInvalidArgument) where the config does not fit in_features.
  OFTLinearImpl(const torch::nn::Linear& base, const OFTConfig& config);

  void reset() override;

  /// x [..., in_features] -> [..., out_features].
  at::Tensor forward(const at::Tensor& x);

  /// W' = W R^T of the weight's dtype.
  at::Tensor merged_weight() const;

  at::Tensor weight;  ///< [out_features, in_features]
  at::Tensor bias;    ///< [out_features], or undefined
  at::Tensor oft_R;

 private:
  at::Tensor matrices() const;

  OFTConfig config_;
  std::int64_t block_size_ = 0;
};
TORCH_MODULE(OFTLinear);

}  // namespace oft::nn
