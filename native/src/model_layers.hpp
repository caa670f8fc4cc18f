#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model_tree.hpp"
#include "oft/adapter_file.hpp"
#include "oft/config.hpp"
#include "oft/rotation.hpp"
#include "oft/targets.hpp"

namespace oft {

/// A layer of a live model that an adapter rotates, by one factor of several where its file has
/// more.
struct ModelLayer {
  std::size_t module;  ///< index into ModuleTree::modules()
  std::string name;
  LayerKind kind;
  std::int64_t groups = 1;
  std::int64_t features = 0;  ///< how many it turns: of all inputs the groups together, of outputs
                              ///< perhaps a part
  std::int64_t block_size = 0;  ///< as the config and the dimension make it, or as a file has it
  std::int64_t rows = 0;        ///< of q: blocks, or 1 where one serves for all
  Side side = Side::kInput;
  std::int64_t first_feature = 0;  ///< as in RotationSpec
  std::int64_t butterfly = 0;      ///< as in RotationSpec
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

/// What a config, or a file that has none of PEFT's, makes of a model, before any tensor exists.
struct AdapterPlan {
  OFTConfig config;   ///< targets named, whatever "all-linear" or default they were
  RotationSpec spec;  ///< formula and COFT radius of all layers; ModelLayer says the rest
  std::vector<ModelLayer> layers;
  std::vector<FlatShape> flats;
  /// Base parameters and buffers that the adapter has a version of its own of: biases and
  /// `modules_to_save`.
  std::vector<std::string> replaced;
  /// The file of another maker than PEFT, names as in the model; null where the adapter is PEFT's.
  std::shared_ptr<const AdapterFile> foreign;

  std::vector<std::size_t> modules() const;
};

/// Checks every layer. Throws what match_targets throws, and Error(kInvalidArgument, kUnsupported)
/// naming the first layer that does not fit.
AdapterPlan plan_adapter(const PreparedTree& tree, const OFTConfig& config,
                         const ModelFacts& facts);

/// The module's weight. Throws Error(kUnsupported) where there is none, or none that can be
/// rotated.
const at::Tensor& rotatable_weight(const PreparedTree& tree, const Layer& module);

/// Gives the layer its place in the flat tensor of its block size.
void place(ModelLayer& layer, const at::Tensor& weight, std::vector<FlatShape>& flats);

/// A layer's weight as a Linear's matrix, or as an Embedding's table; a view where it can be. With
/// its outputs as rows, or, to turn inputs, as [rows, features]: there groups of a convolution lie
/// side by side, [out, in/groups, k] becomes [out/groups, groups * in/groups * k].
at::Tensor weight_to_matrix(const ModelLayer& layer, const at::Tensor& weight, Side side);
at::Tensor matrix_to_weight(const ModelLayer& layer, const at::Tensor& matrix,
                            at::IntArrayRef shape, Side side);

}  // namespace oft
