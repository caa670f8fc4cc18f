#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "oft/adapter_file.hpp"
#include "oft/checkpoint.hpp"
#include "oft/checkpoint_merge.hpp"
#include "oft/rotation.hpp"

namespace oft {

/// A layer whose weight the job rotates.
struct PlannedLayer {
  std::string name;
  LayerKind kind;
  /// Indices into the adapters, in the order of a forward, and of each one's layer.
  std::vector<std::pair<std::size_t, std::size_t>> parts;
};

/// A tensor that the job writes.
struct PlannedTensor {
  SafetensorsEntry target;                       ///< as it is written
  const Checkpoint::Location* source = nullptr;  ///< in the base; null for `replacement`
  at::Tensor replacement;                        ///< taken from an adapter as a whole
  std::size_t layer = kNoLayer;                  ///< index into MergePlan::layers

  static constexpr std::size_t kNoLayer = static_cast<std::size_t>(-1);
};

struct PlannedFile {
  std::string name;
  std::map<std::string, std::string> metadata;
  std::vector<PlannedTensor> tensors;
};

/// All that a merge will do, decided and checked before a byte is written.
struct MergePlan {
  std::vector<AdapterFile> adapters;
  std::vector<PlannedLayer> layers;
  std::vector<PlannedFile> files;
  std::vector<std::string> replaced;
  std::vector<std::string> warnings;

  /// Throws Error(kInvalidArgument) listing what does not fit, unless `options.force` lets it be
  /// left out. The checkpoint must outlive the plan.
  static MergePlan make(const Checkpoint& base, std::vector<AdapterFile> adapters,
                        const CheckpointMergeOptions& options);

  /// The rotations of a layer for a weight of this shape.
  std::vector<Rotation> rotations(const PlannedLayer& layer, at::IntArrayRef shape) const;
};

/// The kind of layer that an adapter's entry and a base weight of `dims` dimensions make together.
LayerKind layer_kind(const AdapterFile& adapter, const AdapterLayer& layer, std::size_t dims);

/// Says which of an adapter's layers the base has no weight for, and what comes near.
std::string missing_layers_text(const std::vector<std::string>& missing, std::size_t total,
                                const Checkpoint& base);

}  // namespace oft
