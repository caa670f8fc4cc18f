#include "script_objects.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>

#include "oft/error.hpp"
#include "text.hpp"
#include "tied_tensors.hpp"

namespace oft {
namespace {

struct KnownClass {
  std::string_view name;
  LayerKind kind;
  std::int64_t weight_dims;
};

constexpr std::array kKnownClasses{
    KnownClass{"Linear", LayerKind::kLinear, 2},
    KnownClass{"NonDynamicallyQuantizableLinear", LayerKind::kLinear, 2},
    KnownClass{"Conv1D", LayerKind::kConv1D, 2},
    KnownClass{"Conv1d", LayerKind::kConv1d, 3},
    KnownClass{"Conv2d", LayerKind::kConv2d, 4},
    KnownClass{"Embedding", LayerKind::kEmbedding, 2},
};

std::string join(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

bool holds_tensor(const c10::IValue& value) {
  return value.isTensor() && value.toTensor().defined();
}

/// What twins have in common: the class, and the tensors by name.
using Identity = std::pair<std::string, std::map<std::string, TensorKey>>;

/// Nothing for a module that has no tensors of its own, or has submodules.
std::optional<Identity> identity_of(const ScriptObject& object) {
  if (!object.children.empty()) return std::nullopt;
  const c10::ClassTypePtr type = object.type();
  Identity identity{script_class_name(*type), {}};
  for (std::size_t slot = 0; slot < type->numAttributes(); ++slot) {
    const c10::IValue& value = object.value->slots()[slot];
    if (holds_tensor(value) && value.toTensor().has_storage())
      identity.second.emplace(type->getAttributeName(slot), tensor_key(value.toTensor()));
  }
  if (identity.second.empty()) return std::nullopt;
  return identity;
}

}  // namespace

ScriptObjects::ScriptObjects(const torch::jit::Module& root) {
  visit("", root._ivalue());
  list_tensors(0);
  find_twins();
  for (const std::size_t module : modules_) list_tensors(module);
}

const at::Tensor& ScriptObjects::tensor(const ScriptSlot& slot) const {
  return list_[slot.object].value->slots()[slot.slot].toTensor();
}

const std::vector<ScriptSlot>& ScriptObjects::slots(const std::string& name) const {
  const auto found = slots_.find(name);
  if (found != slots_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, slots] : slots_) names.push_back(known);
  throw Error(Status::kNotFound,
              "the model has no parameter or buffer '" + name + "'" +
                  (names.empty() ? "" : "; nearest: " + quote_some(nearest_names(name, names))));
}

std::size_t ScriptObjects::visit(const std::string& name, const torch::jit::ObjectPtr& object) {
  const auto known = std::ranges::find(list_, object, &ScriptObject::value);
  if (known != list_.end()) return static_cast<std::size_t>(known - list_.begin());
  const std::size_t index = list_.size();
  list_.push_back({.name = name, .value = object, .children = {}, .twins = {}});
  const c10::ClassTypePtr type = object->type();
  for (std::size_t slot = 0; slot < type->numAttributes(); ++slot) {
    if (!object->slots()[slot].isModule()) continue;
    const std::size_t child =
        visit(join(name, type->getAttributeName(slot)), object->slots()[slot].toObject());
    list_[index].children.emplace_back(slot, child);
  }
  return index;
}

void ScriptObjects::find_twins() {
  std::map<Identity, std::size_t> known;
  for (std::size_t i = 1; i < list_.size(); ++i) {
    if (const std::optional<Identity> identity = identity_of(list_[i])) {
      const auto [first, added] = known.emplace(*identity, i);
      const c10::ClassTypePtr type = list_[i].type();
      if (!added && (type == list_[first->second].type() || type->methods().empty())) {
        list_[first->second].twins.push_back(i);
        continue;
      }
    }
    modules_.push_back(i);
  }
}

void ScriptObjects::list_tensors(std::size_t index) {
  const ScriptObject& object = list_[index];
  const c10::ClassTypePtr type = object.type();
  for (std::size_t slot = 0; slot < type->numAttributes(); ++slot) {
    if (!holds_tensor(object.value->slots()[slot])) continue;
    auto& tensors = type->is_parameter(slot) ? parameters_ : buffers_;
    const std::string& attribute = type->getAttributeName(slot);
    const std::string name = join(object.name, attribute);
    tensors.push_back({.name = name, .slot = {index, slot}});
    std::vector<ScriptSlot>& places = slots_[name];
    places.push_back({index, slot});
    for (const std::size_t twin : object.twins)
      places.push_back({twin, list_[twin].type()->getAttributeSlot(attribute)});
  }
}

std::string script_class_name(const c10::ClassType& type) {
  std::string name;
  for (const std::string& atom : type.name()->atoms())
    if (atom != "__torch__" && atom.find("___torch_mangle_") != 0) name = join(name, atom);
  return name;
}

Layer script_layer(const ScriptObject& object) {
  const c10::ClassTypePtr type = object.type();
  Layer layer{.name = object.name, .class_name = script_class_name(*type)};
  const auto slot = type->findAttributeSlot("weight");
  if (!slot) return layer;
  const c10::IValue& weight = object.value->slots()[*slot];
  const auto known = std::ranges::find(kKnownClasses, type->name()->name(), &KnownClass::name);
  if (known != kKnownClasses.end() && holds_tensor(weight) &&
      weight.toTensor().dim() == known->weight_dims)
    layer.kind = known->kind;
  return layer;
}

}  // namespace oft
