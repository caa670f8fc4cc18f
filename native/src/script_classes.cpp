#include "script_classes.hpp"

#include <torch/csrc/jit/api/function_impl.h>

#include <functional>

#include "script_graphs.hpp"

namespace oft {
namespace {

using TypeMap = std::function<c10::TypePtr(const c10::TypePtr&)>;

/// A method in the name of another class, whose types stand for those of its own.
torch::jit::Function* copy_method(torch::jit::Function& method, const c10::ClassType& type,
                                  torch::jit::CompilationUnit& unit, const TypeMap& remap) {
  std::shared_ptr<torch::jit::Graph> graph = torch::jit::toGraphFunction(method).graph()->copy();
  graph->remapTypes(remap);
  torch::jit::Function* copy =
      unit.create_function(c10::QualifiedName(*type.name(), method.name()), graph);
  copy->setSchema(method.getSchema().cloneWithRemappedTypes(remap));
  return copy;
}

void copy_attributes(const c10::ClassType& original, c10::ClassType& copy, const TypeMap& remap) {
  for (std::size_t i = 0; i < original.numAttributes(); ++i)
    copy.addAttribute(original.getAttributeName(i), remap(original.getAttribute(i)),
                      original.is_parameter(i), original.is_buffer(i));
  for (std::size_t i = 0; i < original.numConstants(); ++i)
    copy.addConstant(original.getConstantName(i), original.getConstant(i));
}

void copy_methods(const c10::ClassType& original, c10::ClassType& copy,
                  torch::jit::CompilationUnit& unit, const TypeMap& remap) {
  for (torch::jit::Function* method : original.methods())
    copy.addMethod(copy_method(*method, copy, unit, remap));
  for (torch::jit::Function* hook : original.getForwardPreHooks())
    copy.addForwardPreHook(copy_method(*hook, copy, unit, remap));
  for (torch::jit::Function* hook : original.getForwardHooks())
    copy.addForwardHook(copy_method(*hook, copy, unit, remap));
}

}  // namespace

ScriptClasses::ScriptClasses(const std::vector<c10::ClassTypePtr>& originals,
                             const Rotated& rotated)
    : unit_(std::make_shared<torch::jit::CompilationUnit>()) {
  for (const c10::ClassTypePtr& original : originals) {
    const c10::ClassTypePtr copy =
        c10::ClassType::create(original->name(), unit_, /*is_module=*/true);
    unit_->register_type(copy);
    copies_.emplace(original.get(), copy);
  }
  const TypeMap remap = [this](const c10::TypePtr& type) -> c10::TypePtr {
    const auto copy = copies_.find(type.get());
    return copy == copies_.end() ? type : copy->second;
  };
  for (const c10::ClassTypePtr& original : originals)
    copy_attributes(*original, *copies_.at(original.get()), remap);
  for (const c10::ClassTypePtr& original : originals)
    copy_methods(*original, *copies_.at(original.get()), *unit_, remap);
  for (const auto& [original, kind] : rotated) {
    c10::ClassType& copy = *copies_.at(original);
    copy.addAttribute(kRotationsAttribute, c10::ListType::ofTensors());
    insert_rotations(copy, kind);
  }
  for (const auto& [original, copy] : copies_) replace_linears(*copy);
}

c10::StrongTypePtr ScriptClasses::copy_of(const c10::ClassType& original) const {
  return {unit_, copies_.at(&original)};
}

}  // namespace oft
