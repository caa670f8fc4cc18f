#include "model_cache.hpp"

#include <algorithm>
#include <utility>

namespace oft {

std::vector<std::uint64_t> Recipe::stamp() const {
  std::vector<std::uint64_t> all;
  for (const std::shared_ptr<Adapter>& adapter : adapters) {
    const std::vector<std::uint64_t> stamp = adapter->stamp();
    all.insert(all.end(), stamp.begin(), stamp.end());
  }
  return all;
}

std::vector<at::Tensor> Recipe::watched() const {
  std::vector<at::Tensor> all;
  for (const std::shared_ptr<Adapter>& adapter : adapters) {
    const std::vector<at::Tensor> watched = adapter->watched();
    all.insert(all.end(), watched.begin(), watched.end());
  }
  return all;
}

bool CachedInstance::has_values(const std::vector<at::Tensor>& watched) const {
  return watched.empty() || have_same_bits(watched, values);
}

std::shared_ptr<const CachedInstance> InstanceCache::find(const Recipe& recipe) {
  const auto found = std::ranges::find(entries_, recipe, [](const auto& e) { return e->recipe; });
  if (found == entries_.end() || (*found)->stamp != recipe.stamp()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return entries_.front();
}

void InstanceCache::insert(CachedInstance entry) {
  entries_.remove_if([&](const auto& other) {
    return other->recipe == entry.recipe || other->stamp != other->recipe.stamp();
  });
  entries_.push_front(std::make_shared<const CachedInstance>(std::move(entry)));
  if (entries_.size() > kCapacity) entries_.pop_back();
}

}  // namespace oft
