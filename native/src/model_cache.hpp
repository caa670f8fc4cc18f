#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "model_adapter.hpp"
#include "model_merge.hpp"
#include "model_tree.hpp"
#include "oft/module_tree.hpp"

namespace oft {

/// What an instance is made from. With merged adapters there are no others.
struct Recipe {
  std::shared_ptr<PreparedTree> tree;
  std::shared_ptr<const MergedAdapters> merged;
  std::vector<std::shared_ptr<Adapter>> adapters;
  bool training = false;

  bool operator==(const Recipe&) const = default;

  /// Of its adapters, one after the other; see there.
  std::vector<std::uint64_t> stamp() const;
  std::vector<at::Tensor> watched() const;
};

/// An instance with what it was computed from.
struct CachedInstance {
  Recipe recipe;
  std::vector<std::uint64_t> stamp;
  std::vector<at::Tensor> values;  ///< copies of what was watched
  std::shared_ptr<ModuleInstance> instance;

  /// Whether what is watched now is what it was made from.
  bool has_values(const std::vector<at::Tensor>& watched) const;
};

/// Instances that are ready to run, so that rotations are computed once for all who run them.
/// Guarded by the model's mutex.
class InstanceCache {
 public:
  /// Null where there is none, or its stamp is another by now.
  std::shared_ptr<const CachedInstance> find(const Recipe& recipe);

  /// Takes the place of one with the same recipe. Drops those whose parameters have changed, and
  /// the least recently used above kCapacity.
  void insert(CachedInstance entry);

  void drop(const std::shared_ptr<const CachedInstance>& entry) { entries_.remove(entry); }

  /// Drops those for which `gone` holds.
  template <typename Predicate>
  void drop_if(Predicate gone) {
    entries_.remove_if([&](const auto& entry) { return gone(entry->recipe); });
  }

 private:
  static constexpr std::size_t kCapacity = 64;

  std::list<std::shared_ptr<const CachedInstance>> entries_;  // most recently used first
};

}  // namespace oft
