#include <utility>

#include "oft/model.hpp"

namespace oft {

Activation::Activation(std::shared_ptr<ModuleInstance> instance) : instance_(std::move(instance)) {
  instance_->enter();
}

Activation::~Activation() { instance_->leave(); }

c10::IValue Activation::forward(std::vector<c10::IValue> args, const Kwargs& kwargs) const {
  return instance_->forward(std::move(args), kwargs);
}

}  // namespace oft
