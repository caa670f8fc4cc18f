#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapter_parameters.hpp"
#include "model_tree.hpp"
#include "oft/model.hpp"

namespace oft {

/// The tensors of a model with adapters merged into them, and what it takes to undo that. Holds no
/// tensor that an optimizer writes.
class MergedAdapters {
 public:
  /// Merges adapters, applied in this order after those of `before`, into the base's weights.
  /// `tree` holds the base, or, where `in_place`, the result of `before`, which may be null.
  /// Throws Error(kInvalidArgument) where `safe` and a weight is not finite, Error(kCancelled).
  static MergedAdapters make(const PreparedTree& tree, const MergedAdapters* before, bool in_place,
                             const std::vector<std::string>& names,
                             const std::vector<AdapterParameters>& adapters, bool safe,
                             const LayerProgress& progress);

  /// The adapters, in the order of application.
  const std::vector<std::string>& names() const { return names_; }

  /// Merged weights and replaced tensors by name.
  const std::map<std::string, at::Tensor>& tensors() const { return tensors_; }
  /// Forgets them, where the tree itself has taken them over.
  void release_tensors() { tensors_.clear(); }

  /// A tensor of the base, as far as float64 can compute it back from those of `tree`, in which
  /// this was merged.
  at::Tensor base_tensor(const PreparedTree& tree, const std::string& name) const;
  /// All that the merge changed, as the base has it.
  std::map<std::string, at::Tensor> base_tensors(const PreparedTree& tree) const;

 private:
  struct MergedLayer {
    ModelLayer layer;
    std::vector<Rotation> rotations;
  };

  std::vector<std::string> names_;
  std::map<std::string, MergedLayer> layers_;       // by name of the weight
  std::map<std::string, at::Tensor> replacements_;  // what adapters put in
  std::map<std::string, at::Tensor> originals_;     // what the base has in their place
  std::map<std::string, at::Tensor> tensors_;
};

}  // namespace oft
