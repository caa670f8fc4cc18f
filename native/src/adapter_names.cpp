#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "flux_names.hpp"
#include "foreign_adapter.hpp"
#include "module_name.hpp"
#include "oft/adapter_file.hpp"
#include "oft/error.hpp"
#include "text.hpp"
#include "unet_names.hpp"

namespace oft {
namespace {

/// Modules of a model by all names that files may call them.
class ModuleIndex {
 public:
  explicit ModuleIndex(const std::vector<Layer>& modules) {
    std::vector<std::string> paths;
    for (const Layer& module : modules) {
      names_.insert(module.name);
      paths.push_back(parse_module_name(module.name).path);
    }
    const UNetNames unet(paths);
    for (std::size_t i = 0; i < modules.size(); ++i) {
      if (modules[i].kind == LayerKind::kOther) continue;
      const std::string& name = modules[i].name;
      add("", name, name);
      const std::string component = parse_module_name(name).component;
      if (paths[i] != name) add(component, paths[i], name);
      if (const auto other = unet.other(paths[i])) add(component, *other, name);
      if (const auto original = original_flux_name(paths[i])) add(component, *original, name);
    }
  }

  bool contains(const std::string& name) const { return names_.contains(name); }

  /// The modules that a layer's name can mean.
  std::set<std::string> find(const AdapterLayer& layer) const {
    if (contains(layer.name)) return {layer.name};
    std::set<std::string> found;
    const auto [begin, end] = modules_.equal_range(flattened(layer.name));
    for (auto item = begin; item != end; ++item) {
      const auto& [component, module] = item->second;
      if (component.empty() || layer.component.empty() || component == layer.component)
        found.insert(module);
    }
    return found;
  }

  /// The parts of a layer fused from several where the model has them one by one, else the layer.
  std::vector<AdapterLayer> split(const AdapterLayer& layer) const {
    if (layer.factors.size() == 1 || layer.factors.back().first_feature == 0 ||
        !find(layer).empty())
      return {layer};
    std::vector<AdapterLayer> parts;
    for (std::size_t i = 0; i < layer.factors.size(); ++i) {
      parts.push_back(layer);
      parts.back().name += "." + std::to_string(i);
      parts.back().factors = {{.q = layer.factors[i].q}};
      if (find(parts.back()).empty()) return {layer};
    }
    return parts;
  }

 private:
  void add(const std::string& component, const std::string& alias, const std::string& module) {
    modules_.emplace(flattened(alias), std::pair(component, module));
  }

  std::set<std::string> names_;
  std::multimap<std::string, std::pair<std::string, std::string>> modules_;
};

}  // namespace

void AdapterFile::resolve_names(const std::vector<Layer>& modules) {
  if (is_peft(format)) return;
  const ModuleIndex index(modules);
  std::vector<AdapterLayer> resolved;
  for (const AdapterLayer& layer : layers)
    for (AdapterLayer& part : index.split(layer)) resolved.push_back(std::move(part));
  std::map<std::string, std::string> components_by_module;
  for (AdapterLayer& layer : resolved) {
    const std::set<std::string> found = index.find(layer);
    if (found.size() > 1)
      throw Error(Status::kInvalidArgument, path.string() + ": layer '" + layer.name +
                                                "' can mean several modules of this model: " +
                                                quote_some({found.begin(), found.end()}) +
                                                "; rename it in the file");
    if (found.empty()) continue;
    layer.name = *found.begin();
    const auto [first, added] = components_by_module.emplace(layer.name, layer.component);
    if (!added)
      throw Error(Status::kInvalidArgument,
                  path.string() + ": two of its layers mean '" + layer.name + "' of this model" +
                      (first->second == layer.component
                           ? ""
                           : ", one for '" + first->second + "' and one for '" + layer.component +
                                 "'; give the whole pipeline as the base"));
  }
  layers = std::move(resolved);
  announce_layers(*this);
}

}  // namespace oft
