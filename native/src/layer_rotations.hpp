#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "oft/adapter_file.hpp"
#include "oft/checkpoint.hpp"
#include "oft/rotation.hpp"

namespace oft {

/// The weights that an adapter is for: of one model, or of the components of a pipeline that its
/// layers are in; none where no base is given.
class AdapterBases {
 public:
  AdapterBases() = default;

  /// Opens what the adapter's layers are in, and gives them their module paths and, of a pipeline,
  /// their components. `component`: the one that counts, of a pipeline; of an adapter that names
  /// several the layers of others are dropped, with a warning. Throws as `assign_adapters` does.
  AdapterBases(const std::filesystem::path& base, const std::string& component,
               AdapterFile& adapter);

  bool empty() const { return models_.empty(); }
  /// By component, "" where the base is one model.
  const std::map<std::string, Checkpoint>& models() const { return models_; }
  /// The model that a layer is in; null without a base.
  const Checkpoint* of(const AdapterLayer& layer) const;

 private:
  std::map<std::string, Checkpoint> models_;
};

/// A layer's rotations as its weight in the base decides, or without one as the file alone tells
/// them: then of a shared block as many features as the config makes the least of.
/// Throws as AdapterFile::rotations does, and Error(kInvalidArgument) where only a base would tell.
std::vector<Rotation> layer_rotations(const AdapterFile& adapter, const AdapterLayer& layer,
                                      const AdapterBases& bases);

}  // namespace oft
