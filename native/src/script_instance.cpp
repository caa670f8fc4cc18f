#include "script_instance.hpp"

#include <utility>

#include "oft/error.hpp"
#include "script_call.hpp"
#include "script_graphs.hpp"
#include "tied_tensors.hpp"

namespace oft {
namespace {

class ScriptInstance final : public ModuleInstance {
 public:
  ScriptInstance(std::shared_ptr<const ScriptTemplate> from, const Assignments& assignments,
                 bool training)
      : from_(std::move(from)) {
    objects_.reserve(from_->objects().size());
    for (const ScriptTemplate::Object& original : from_->objects())
      objects_.push_back(create(original, training));
    for (std::size_t i = 0; i < objects_.size(); ++i)
      for (const auto& [slot, child] : from_->originals().list()[i].children)
        objects_[i]->setSlot(slot, objects_[child]);
    for (const auto& [module, rotations] : assignments.rotations) {
      const std::size_t object = originals().modules().at(module);
      const ScriptObject& original = originals().list()[object];
      if (!from_->objects()[object].rotations)
        throw Error(Status::kInternal,
                    "module '" + original.name + "' was not prepared to be rotated in the graph");
      set_rotations(object, rotations);
      for (const std::size_t twin : original.twins) set_rotations(twin, rotations);
    }
    for (const auto& [name, tensor] : assignments.tensors)
      for (const ScriptSlot& slot : originals().slots(name))
        objects_[slot.object]->setSlot(slot.slot, tensor);
  }

  c10::IValue forward(std::vector<c10::IValue> args, const Kwargs& kwargs) override {
    return call_method(objects_.front(), "forward", std::move(args), kwargs);
  }

 private:
  static torch::jit::ObjectPtr create(const ScriptTemplate::Object& original, bool training) {
    auto object = c10::ivalue::Object::create(original.type, original.slots.size());
    for (std::size_t i = 0; i < original.slots.size(); ++i) object->setSlot(i, original.slots[i]);
    if (original.training) object->setSlot(*original.training, training);
    return object;
  }

  const ScriptObjects& originals() const { return from_->originals(); }

  void set_rotations(std::size_t object, const std::vector<at::Tensor>& rotations) {
    if (const auto slot = from_->objects()[object].rotations)
      objects_[object]->setSlot(*slot, rotations);
  }

  std::shared_ptr<const ScriptTemplate> from_;
  std::vector<torch::jit::ObjectPtr> objects_;
};

}  // namespace

ScriptTemplate::ScriptTemplate(std::shared_ptr<const ScriptObjects> originals,
                               const ScriptClasses& classes)
    : originals_(std::move(originals)) {
  TiedTensors detach([](const at::Tensor& tensor) { return tensor.detach(); });
  for (const ScriptObject& original : originals_->list()) {
    const c10::StrongTypePtr type = classes.copy_of(*original.type());
    const auto& copied = type.type_->expectRef<c10::ClassType>();
    Object object{.type = type,
                  .slots = {},
                  .training = copied.findAttributeSlot("training"),
                  .rotations = copied.findAttributeSlot(kRotationsAttribute)};
    object.slots.reserve(copied.numAttributes());
    for (const c10::IValue& value : original.value->slots()) {
      if (value.isModule()) {
        object.slots.emplace_back();
      } else if (value.isTensor() && value.toTensor().defined()) {
        object.slots.emplace_back(detach(value.toTensor()));
      } else {
        object.slots.push_back(value);
      }
    }
    if (object.rotations) object.slots.emplace_back(c10::List<at::Tensor>());
    objects_.push_back(std::move(object));
  }
}

std::shared_ptr<ModuleInstance> script_instance(std::shared_ptr<const ScriptTemplate> from,
                                                const Assignments& assignments, bool training) {
  return std::make_shared<ScriptInstance>(std::move(from), assignments, training);
}

}  // namespace oft
