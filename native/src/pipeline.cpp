#include "pipeline.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "merge_plan.hpp"
#include "oft/error.hpp"
#include "text.hpp"

namespace oft {
namespace {

namespace fs = std::filesystem;

AdapterFile in_names_of(const Checkpoint& model, AdapterFile adapter) {
  adapter.resolve_names(model.layers());
  return adapter;
}

std::vector<std::string> missing_layers(const Checkpoint& model, const AdapterFile& adapter) {
  std::vector<std::string> missing;
  for (const AdapterLayer& layer : adapter.layers)
    if (model.find(layer.name + ".weight") == nullptr) missing.push_back(layer.name);
  return missing;
}

/// Every layer's rotations have the size of their weights.
bool has_shapes_of(const Checkpoint& model, const AdapterFile& adapter) {
  return std::all_of(adapter.layers.begin(), adapter.layers.end(), [&](const AdapterLayer& layer) {
    const auto& shape = model.find(layer.name + ".weight")->entry->shape;
    try {
      adapter.rotations(layer, layer_kind(adapter, layer, shape.size()), shape);
      return true;
    } catch (const Error&) {
      return false;
    }
  });
}

/// A diffusers pipeline, its components opened as they are asked for.
class Pipeline {
 public:
  explicit Pipeline(fs::path folder)
      : folder_(std::move(folder)), components_(pipeline_components(folder_)) {}

  bool is_pipeline() const { return !components_.empty(); }

  const Checkpoint& model(const std::string& component) {
    const auto found = models_.find(component);
    if (found != models_.end()) return found->second;
    return models_.emplace(component, Checkpoint::open(part_of(folder_, component))).first->second;
  }

  /// @param adapter that is meant for the component
  void check_has(const std::string& component, const AdapterFile& adapter) const {
    const std::string adapter_text = adapter.path.string() + ": ";
    if (!is_pipeline())
      throw Error(Status::kInvalidArgument,
                  adapter_text + folder_.string() +
                      " is no diffusers pipeline (it has no model_index.json), so " +
                      "there is no component '" + component + "'; leave the component out");
    if (std::find(components_.begin(), components_.end(), component) != components_.end()) return;
    const bool is_folder =
        component.find_first_of("./") == std::string::npos && fs::is_directory(folder_ / component);
    throw Error(Status::kInvalidArgument,
                adapter_text + folder_.string() +
                    (is_folder ? " has no .safetensors weights for its component '"
                               : " has no component '") +
                    component + "'; components with weights are " + quote_some(components_));
  }

  /// Names alone cannot tell text encoders of different depths apart, the sizes of blocks can.
  std::string choose(const AdapterFile& adapter) {
    std::vector<std::string> fitting;
    std::string nearest;
    std::vector<std::string> fewest_missing;
    std::optional<Error> unclear;  // a name that can mean several modules of a component
    for (const std::string& name : components_) {
      std::vector<std::string> missing;
      try {
        missing = missing_layers(model(name), in_names_of(model(name), adapter));
      } catch (const Error& error) {
        if (!unclear) unclear = error;
        continue;
      }
      if (missing.empty()) fitting.push_back(name);
      if (nearest.empty() || missing.size() < fewest_missing.size()) {
        nearest = name;
        fewest_missing = std::move(missing);
      }
    }
    if (fitting.size() > 1) {
      std::vector<std::string> sized;
      for (const std::string& name : fitting)
        if (has_shapes_of(model(name), in_names_of(model(name), adapter))) sized.push_back(name);
      if (!sized.empty()) fitting = std::move(sized);
    }
    if (fitting.size() == 1) return fitting.front();
    const std::string adapter_text = adapter.path.string() + ": ";
    if (!fitting.empty())
      throw Error(Status::kInvalidArgument,
                  adapter_text + "the adapter fits several components of " + folder_.string() +
                      ": " + quote_some(fitting) + "; name the one that is meant");
    if (unclear) throw *unclear;
    throw Error(Status::kInvalidArgument,
                adapter_text + "no component of " + folder_.string() +
                    " has a weight for every layer; it holds " + quote_some(components_) +
                    ", of which '" + nearest + "' comes nearest: " +
                    missing_layers_text(fewest_missing, adapter.layers.size(), model(nearest)));
  }

  /// Takes an opened model out.
  Checkpoint take(const std::string& component) {
    model(component);
    return std::move(models_.extract(component).mapped());
  }

 private:
  fs::path folder_;
  std::vector<std::string> components_;
  std::map<std::string, Checkpoint> models_;
};

/// Cuts an adapter that names components itself into one request for each. What is not for a
/// requested component is left out with a warning.
std::vector<RequestedAdapter> split(RequestedAdapter request) {
  std::vector<RequestedAdapter> requests;
  const std::vector<std::string> named = request.adapter.components();
  const bool names_several = named.size() > 1;
  if (request.component.empty()) {
    for (const std::string& name : named)
      requests.push_back({names_several ? request.adapter.component(name) : request.adapter, name});
    return requests;
  }
  if (names_several) {
    if (std::find(named.begin(), named.end(), request.component) == named.end())
      throw Error(Status::kInvalidArgument, request.adapter.path.string() +
                                                ": has no layers for '" + request.component +
                                                "'; they are for " + quote_some(named));
    std::vector<std::string> others;
    for (const std::string& name : named)
      if (name != request.component) others.push_back(name);
    request.adapter = request.adapter.component(request.component);
    request.adapter.warnings.push_back(
        request.adapter.path.string() +
        ": its layers for other components are left out: " + quote_some(others));
  }
  requests.push_back(std::move(request));
  return requests;
}

}  // namespace

fs::path part_of(const fs::path& folder, const fs::path& part) {
  return part.empty() ? folder : folder / part;
}

std::vector<AdaptedModel> assign_adapters(const fs::path& base,
                                          std::vector<RequestedAdapter> requests) {
  Pipeline pipeline(base);
  std::map<std::string, std::vector<AdapterFile>> adapters;
  for (RequestedAdapter& request : requests) {
    if (!request.component.empty()) pipeline.check_has(request.component, request.adapter);
    if (!pipeline.is_pipeline()) {
      adapters[""].push_back(std::move(request.adapter));
      continue;
    }
    for (RequestedAdapter& part : split(std::move(request))) {
      if (part.component.empty()) part.component = pipeline.choose(part.adapter);
      pipeline.check_has(part.component, part.adapter);
      adapters[part.component].push_back(std::move(part.adapter));
    }
  }
  std::vector<AdaptedModel> models;
  for (auto& [component, files] : adapters)
    models.push_back({component, pipeline.take(component), std::move(files)});
  return models;
}

}  // namespace oft
