#include "pipeline.hpp"

#include <algorithm>

#include "oft/checkpoint.hpp"
#include "oft/error.hpp"
#include "text.hpp"

namespace oft {
namespace {

namespace fs = std::filesystem;

bool fits(const Checkpoint& component, const AdapterFile& adapter) {
  return std::all_of(adapter.layers.begin(), adapter.layers.end(), [&](const AdapterLayer& layer) {
    return component.find(layer.name + ".weight") != nullptr;
  });
}

}  // namespace

fs::path part_of(const fs::path& folder, const fs::path& part) {
  return part.empty() ? folder : folder / part;
}

fs::path choose_component(const fs::path& base, const std::vector<AdapterFile>& adapters) {
  const std::vector<std::string> components = pipeline_components(base);
  if (components.empty()) return {};
  std::vector<std::string> fitting;
  for (const std::string& name : components) {
    const Checkpoint component = Checkpoint::open(base / name);
    if (std::all_of(adapters.begin(), adapters.end(),
                    [&](const AdapterFile& adapter) { return fits(component, adapter); }))
      fitting.push_back(name);
  }
  if (fitting.size() == 1) return fitting.front();
  throw Error(
      Status::kInvalidArgument,
      base.string() + ": " +
          (fitting.empty()
               ? "no component of this pipeline has a weight for every layer of "
                 "the adapter; it holds " +
                     quote_some(components)
               : "the adapter fits several components of this pipeline: " + quote_some(fitting)) +
          "; name the folder of the one that is meant");
}

}  // namespace oft
