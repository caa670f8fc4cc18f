#include <torch/csrc/jit/api/module.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "oft/error.hpp"
#include "oft/module_tree.hpp"
#include "script_classes.hpp"
#include "script_graphs.hpp"
#include "script_instance.hpp"
#include "script_objects.hpp"
#include "tied_tensors.hpp"

namespace oft {
namespace {

constexpr const char* kRemedy =
    "export it with torch.jit.script(model) or torch.jit.trace(model, example), without "
    "torch.jit.freeze and torch.jit.optimize_for_inference";

/// Each class that an object has, once.
std::vector<c10::ClassTypePtr> classes_of(const ScriptObjects& objects) {
  std::set<const c10::ClassType*> known;
  std::vector<c10::ClassTypePtr> classes;
  for (const ScriptObject& object : objects.list())
    if (known.insert(object.type().get()).second) classes.push_back(object.type());
  return classes;
}

class ScriptTree final : public ModuleTree {
 public:
  explicit ScriptTree(const torch::jit::Module& module)
      : module_(module),
        objects_(std::make_shared<ScriptObjects>(module)),
        classes_(classes_of(*objects_)) {
    for (const std::size_t object : objects_->modules())
      layers_.push_back(script_layer(objects_->list()[object]));
    const bool named = std::ranges::any_of(objects_->parameters(), [](const NamedSlot& parameter) {
      return parameter.slot.object != 0;
    });
    if (!named)
      throw Error(Status::kUnsupported,
                  "the TorchScript model has no submodules with parameters: it was frozen or "
                  "inlined, or is a single layer (wrap that in a module that names it); " +
                      std::string(kRemedy));
  }

  const std::vector<Layer>& modules() const override { return layers_; }

  std::int64_t groups(std::size_t module) const override {
    const LayerKind kind = layers_.at(module).kind;
    if (kind != LayerKind::kConv1d && kind != LayerKind::kConv2d) return 1;
    return convolution_groups(*type_of(module));
  }

  std::vector<NamedTensor> parameters() const override { return named(objects_->parameters()); }
  std::vector<NamedTensor> buffers() const override { return named(objects_->buffers()); }

  std::vector<Placement> prepare(const std::vector<std::size_t>& targets) override {
    std::vector<Placement> placements;
    ScriptClasses::Rotated rotated = rotated_;
    std::string problems;
    for (const std::size_t module : targets) {
      try {
        placements.push_back(place(module));
        if (placements.back() == Placement::kGraph)
          rotated.emplace(type_of(module).get(), layers_[module].kind);
      } catch (const Error& error) {
        problems += (problems.empty() ? "" : "; ") + std::string(error.what());
      }
    }
    if (!problems.empty()) throw Error(Status::kUnsupported, problems);
    if (template_ == nullptr || rotated.size() > rotated_.size()) {
      template_ = make_template(rotated);
      rotated_ = std::move(rotated);
    }
    return placements;
  }

  std::shared_ptr<ModuleInstance> instantiate(const Assignments& assignments,
                                              bool training) override {
    if (template_ == nullptr) template_ = make_template(rotated_);
    return script_instance(template_, assignments, training);
  }

  std::shared_ptr<ModuleTree> with_tensors(
      const std::map<std::string, at::Tensor>& tensors) override;

  torch::jit::Module script() const override { return module_; }

 private:
  c10::ClassTypePtr type_of(std::size_t module) const {
    return objects_->list()[objects_->modules().at(module)].type();
  }

  std::vector<NamedTensor> named(const std::vector<NamedSlot>& slots) const {
    std::vector<NamedTensor> tensors;
    tensors.reserve(slots.size());
    for (const NamedSlot& slot : slots)
      tensors.emplace_back(slot.name, objects_->tensor(slot.slot));
    return tensors;
  }

  std::shared_ptr<const ScriptTemplate> make_template(const ScriptClasses::Rotated& rotated) const {
    return std::make_shared<ScriptTemplate>(objects_, ScriptClasses(classes_, rotated));
  }

  /// Throws Error(kUnsupported).
  Placement place(std::size_t module) {
    if (!read_from_outside_) read_from_outside_ = read_from_outside(classes_);
    const c10::ClassTypePtr type = type_of(module);
    const bool outside = read_from_outside_->contains(type.get());
    auto use = uses_.find(type.get());
    if (use == uses_.end())
      use = uses_.emplace(type.get(), weight_use(*type, layers_.at(module).kind)).first;
    if (use->second == WeightUse::kMultiplied && !outside) return Placement::kGraph;

    const Layer& layer = layers_.at(module);
    const std::string what = "layer '" + layer.name + "' (" + layer.class_name + "): ";
    const auto twin = tied_to(layer.name + ".weight");
    if (outside ? twin.has_value() : use->second == WeightUse::kNone)
      throw Error(Status::kUnsupported,
                  what + (twin ? "its weight is tied to '" + *twin +
                                     "', and the traced graph does not tell which of them it uses; "
                                     "use torch.jit.script, or untie them before torch.jit.trace"
                               : "no method of the model reads its weight; leave it out by "
                                 "exclude_modules, or, where the model was frozen, " +
                                     std::string(kRemedy)));
    return Placement::kWeight;
  }

  /// Another name of the same elements.
  std::optional<std::string> tied_to(const std::string& name) const {
    const TensorKey key = tensor_key(objects_->tensor(objects_->slots(name).front()));
    for (const auto& [other, slot] : objects_->parameters())
      if (other != name && tensor_key(objects_->tensor(slot)) == key) return other;
    return std::nullopt;
  }

  const torch::jit::Module module_;
  const std::shared_ptr<const ScriptObjects> objects_;
  const std::vector<c10::ClassTypePtr> classes_;
  std::vector<Layer> layers_;
  std::map<const c10::ClassType*, WeightUse> uses_;
  std::optional<std::set<const c10::ClassType*>> read_from_outside_;
  ScriptClasses::Rotated rotated_;
  std::shared_ptr<const ScriptTemplate> template_;
};

std::shared_ptr<ModuleTree> ScriptTree::with_tensors(
    const std::map<std::string, at::Tensor>& tensors) {
  std::vector<torch::jit::ObjectPtr> copies;
  for (const ScriptObject& object : objects_->list()) copies.push_back(object.value->copy());
  for (std::size_t i = 0; i < copies.size(); ++i)
    for (const auto& [slot, child] : objects_->list()[i].children)
      copies[i]->setSlot(slot, copies[child]);
  for (const auto& [name, tensor] : tensors) {
    const std::vector<ScriptSlot>& slots = objects_->slots(name);
    const bool trains = objects_->tensor(slots.front()).requires_grad();
    const at::Tensor replacement = tensor.detach().set_requires_grad(trains);
    for (const ScriptSlot& slot : slots) copies[slot.object]->setSlot(slot.slot, replacement);
  }
  return script_tree(torch::jit::Module(copies.front()));
}

}  // namespace

std::shared_ptr<ModuleTree> script_tree(const torch::jit::Module& module) {
  return std::make_shared<ScriptTree>(module);
}

}  // namespace oft
