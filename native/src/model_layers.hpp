#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model_tree.hpp"
#include "oft/config.hpp"
#include "oft/targets.hpp"

namespace oft {

/// A layer of a live model that an adapter rotates.
struct ModelLayer {
  std::size_t module;  ///< index into ModuleTree::modules()
  std::string name;
  LayerKind kind;
  std::int64_t groups;
  std::int64_t features;    ///< the rotated dimension, of all groups together
  std::int64_t block_size;  ///< as the config and the dimension make it
  std::int64_t rows;        ///< of q: blocks, or 1 where one serves for all
  /// Where its q lies in the adapter's tensors: AdapterPlan::flats, and the first of its rows.
  std::size_t flat = 0;
  std::int64_t first_row = 0;

  std::string weight_name() const { return name + ".weight"; }

  /// PEFT's name of its q in an adapter.
  std::string parameter_name(const std::string& adapter) const {
    return name + (kind == LayerKind::kEmbedding ? ".oft_embedding_R." : ".oft_R.") + adapter +
           ".weight";
  }
};

/// One tensor of parameters [rows, b(b-1)/2], which holds those of all layers of a block size.
struct FlatShape {
  std::int64_t block_size;
  at::ScalarType dtype;  ///< float32, or float64 for layers of that type
  at::Device device;
  std::int64_t rows = 0;
};

/// What a config makes of a model, before any tensor exists.
struct AdapterPlan {
  OFTConfig config;  ///< targets named, whatever "all-linear" or default they were
  std::vector<ModelLayer> layers;
  std::vector<FlatShape> flats;
  /// Base parameters and buffers that the adapter has a version of its own of: biases and
  /// `modules_to_save`.
  std::vector<std::string> replaced;

  std::vector<std::size_t> modules() const;
};

/// Checks every layer. Throws what match_targets throws, and Error(kInvalidArgument, kUnsupported)
/// naming the first layer that does not fit.
AdapterPlan plan_adapter(const PreparedTree& tree, const OFTConfig& config,
                         const ModelFacts& facts);

/// A layer's weight as a Linear's matrix [rows, features], or as an Embedding's table; a view where
/// it can be. Groups of a convolution lie side by side: [out, in/groups, k] becomes
/// [out/groups, groups * in/groups * k].
at::Tensor weight_to_matrix(const ModelLayer& layer, const at::Tensor& weight);
at::Tensor matrix_to_weight(const ModelLayer& layer, const at::Tensor& matrix,
                            at::IntArrayRef shape);

}  // namespace oft
