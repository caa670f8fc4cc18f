#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model_file.hpp"
#include "oft/error.hpp"
#include "text.hpp"

namespace oft {
namespace {

/// Adds a layer of a file, each of its factors for itself.
void add_layer(const PreparedTree& tree, const AdapterFile& file, const AdapterLayer& stored,
               std::size_t module, FilePlan& planned) {
  const Layer& target = tree.modules()[module];
  const at::Tensor& weight = rotatable_weight(tree, target);
  AdapterPlan& plan = planned.plan;
  for (const Rotation& rotation : file.rotations(stored, target.kind, weight.sizes())) {
    RotationSpec spec = rotation.spec();
    ModelLayer layer{.module = module,
                     .name = target.name,
                     .kind = target.kind,
                     .groups = tree.tree().groups(module),
                     .features = rotation.features(),
                     .block_size = rotation.block_size(),
                     .side = std::exchange(spec.side, Side::kInput),
                     .first_feature = std::exchange(spec.first_feature, 0),
                     .butterfly = std::exchange(spec.butterfly, 0)};
    at::Tensor q = rotation.q();
    // Nothing is trained, so parameters can be within their radius from the start.
    if (spec.coft_eps) q = project_coft(q, *std::exchange(spec.coft_eps, std::nullopt));
    if (layer.side == Side::kInput) {  // each group of a convolution has the same rotation
      layer.features *= layer.groups;
      if (!spec.block_share) q = q.repeat({layer.groups, 1});
    }
    layer.rows = q.size(0);
    if (plan.layers.empty()) plan.spec = spec;
    if (spec.formula != plan.spec.formula || spec.terms != plan.spec.terms)
      throw Error(Status::kUnsupported,
                  "is rotated by another formula than '" + plan.layers.front().name +
                      "', which a live model cannot have in one adapter; merge the file instead");
    place(layer, weight, plan.flats);
    planned.rotations.emplace_back(std::move(q), layer.features, spec, rotation.row_scale());
    plan.layers.push_back(std::move(layer));
  }
}

FilePlan plan_component(const PreparedTree& tree, AdapterFile file) {
  file.resolve_names(tree.modules());
  std::map<std::string, std::size_t> modules;
  for (std::size_t i = 0; i < tree.modules().size(); ++i)
    modules.emplace(tree.modules()[i].name, i);
  std::vector<std::string> missing;
  for (const AdapterLayer& layer : file.layers)
    if (!modules.contains(layer.name)) missing.push_back(layer.name);
  if (!missing.empty()) {
    std::vector<std::string> known;
    for (const auto& [name, index] : modules) known.push_back(name);
    throw Error(Status::kInvalidArgument,
                origin_text(file) + ": " + std::to_string(missing.size()) + " of its " +
                    std::to_string(file.layers.size()) +
                    " layers are not in this model: " + quote_some(missing) +
                    nearest_text(missing, known) + "; the adapter is for another model");
  }

  FilePlan planned;
  for (const AdapterLayer& layer : file.layers) {
    try {
      add_layer(tree, file, layer, modules.at(layer.name), planned);
    } catch (const Error& error) {
      const std::string text = error.what();
      const std::string name = "layer '" + layer.name + "'";
      throw Error(error.status(), text.starts_with(name) ? text : name + ": " + text);
    }
  }
  planned.plan.config = file.config;
  planned.plan.config.inference_mode = true;
  planned.plan.foreign = std::make_shared<const AdapterFile>(std::move(file));
  return planned;
}

}  // namespace

FilePlan plan_foreign(const PreparedTree& tree, const AdapterFile& file) {
  if (!file.unused_keys.empty())
    throw Error(Status::kInvalidArgument,
                origin_text(file) + ": " + std::to_string(file.unused_keys.size()) +
                    " of its tensors are not understood: " + quote_some(file.unused_keys));
  const std::vector<std::string> components = file.components();
  if (components.size() == 1) return plan_component(tree, file);
  std::vector<std::string> fitting;
  std::string reasons;
  std::optional<FilePlan> planned;
  for (const std::string& component : components) {
    try {
      planned = plan_component(tree, file.component(component));
      fitting.push_back(component);
    } catch (const Error& error) {
      reasons += "; '" + component + "': " + error.what();
    }
  }
  if (fitting.size() == 1) return *std::move(planned);
  const std::string holds =
      origin_text(file) + ": holds adapters for " + quote_some(components, components.size());
  throw Error(Status::kInvalidArgument,
              fitting.empty() ? holds + ", and none of them is for this model" + reasons
                              : holds + ", of which " + quote_some(fitting, fitting.size()) +
                                    " fit this model alike; take one out by "
                                    "AdapterFile::component");
}

}  // namespace oft
