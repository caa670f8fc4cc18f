#include <mutex>

#include "json_text.hpp"
#include "model_state.hpp"
#include "oft/model.hpp"

namespace oft {
namespace {

std::int64_t count_elements(const std::vector<at::Tensor>& tensors, bool trainable_only) {
  std::int64_t count = 0;
  for (const at::Tensor& tensor : tensors)
    if (!trainable_only || tensor.requires_grad()) count += tensor.numel();
  return count;
}

/// Names of what OFTModel::named_trainable_parameters gives.
std::vector<std::string> trainable_names(const AdapterList& active) {
  std::vector<std::string> names;
  for (const std::shared_ptr<Adapter>& adapter : active) {
    if (!adapter->is_materialized()) continue;
    for (const auto& [name, tensor] : adapter->named_tensors())
      if (tensor.requires_grad()) names.push_back(name);
  }
  return names;
}

Json describe_layers(const PreparedTree& tree, const Adapter& adapter) {
  Json layers = Json::array();
  for (const ModelLayer& layer : adapter.plan().layers)
    layers.push_back({{"name", layer.name},
                      {"kind", layer_kind_name(layer.kind)},
                      {"placement", layer.side == Side::kInput &&
                                            tree.placement(layer.module) == Placement::kGraph
                                        ? "graph"
                                        : "weight"},
                      {"features", layer.features},
                      {"block_size", layer.block_size},
                      {"blocks", layer.features / layer.block_size},
                      {"side", side_name(layer.side)},
                      {"adapter", adapter.name()},
                      {"parameter", adapter.is_materialized() && !adapter.plan().foreign
                                        ? Json(layer.parameter_name(adapter.name()))
                                        : Json(nullptr)}});
  return layers;
}

}  // namespace

std::string OFTModel::to_json() const {
  const std::lock_guard lock(state_->mutex);
  Json adapters = Json::array();
  Json layers = Json::array();
  std::int64_t all = state_->tree == nullptr ? 0 : state_->tree->parameter_count();
  std::int64_t trainable = 0;
  for (const std::shared_ptr<Adapter>& adapter : state_->adapters) {
    const std::vector<at::Tensor> leaves =
        adapter->is_materialized() ? adapter->parameters().leaves() : std::vector<at::Tensor>();
    const std::int64_t count = count_elements(leaves, false);
    all += count;
    trainable += count_elements(leaves, true);
    adapters.push_back({{"name", adapter->name()},
                        {"parameters", count},
                        {"trainable", adapter->is_trainable()},
                        {"strength", adapter->strength()},
                        {"config", parse_json(adapter->config().to_json(), "config")}});
    for (Json& layer : describe_layers(*state_->tree, *adapter)) layers.push_back(std::move(layer));
  }
  return Json{
      {"adapters", adapters},
      {"active", names_of(state_->active)},
      {"merged", state_->merged == nullptr ? std::vector<std::string>() : state_->merged->names()},
      {"enabled", state_->enabled},
      {"training", state_->training},
      {"layers", layers},
      {"trainable_names", trainable_names(state_->active)},
      {"trainable_parameters", trainable},
      {"all_parameters", all}}
      .dump();
}

}  // namespace oft
