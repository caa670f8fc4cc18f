#include "script_call.hpp"

#include <ATen/core/function.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/runtime/jit_exception.h>

#include <stdexcept>
#include <string_view>
#include <utility>

#include "arguments.hpp"
#include "oft/error.hpp"
#include "text.hpp"
#include "torch_error.hpp"

namespace oft {
namespace {

/// The cause in what TorchScript's interpreter says: a headline, source lines, then the cause.
std::string cause_of(const std::string& text) {
  constexpr std::string_view kMark = "\nRuntimeError: ";
  const auto mark = text.find(kMark);
  std::string cause = mark == std::string::npos ? text : text.substr(mark + kMark.size());
  while (!cause.empty() && cause.back() == '\n') cause.pop_back();
  return cause;
}

torch::jit::Function& find_method(const torch::jit::ObjectPtr& object, const std::string& name) {
  const c10::ClassTypePtr type = object->type();
  if (torch::jit::Function* method = type->findMethod(name)) return *method;
  std::vector<std::string> names;
  for (const torch::jit::Function* method : type->methods()) names.push_back(method->name());
  throw Error(Status::kNotFound, "the module has no method '" + name + "'; it has " +
                                     (names.empty() ? "none" : quote_some(names, names.size())));
}

}  // namespace

c10::IValue call_method(const torch::jit::ObjectPtr& object, const std::string& name,
                        std::vector<c10::IValue> args, const Kwargs& kwargs) {
  torch::jit::Function& method = find_method(object, name);
  torch::jit::Stack stack =
      bind_arguments(method.getSchema(), std::move(args), kwargs, Receiver::kSelf);
  stack.insert(stack.begin(), object);
  // The executor rewrites a graph after its first run, and gradients then round differently: a
  // training that resumes would not be the same as one that goes on.
  const torch::jit::GraphOptimizerEnabledGuard optimize(!at::GradMode::is_enabled());
  try {
    method.run(stack);
  } catch (const torch::jit::JITException& raised) {  // by the model itself
    throw Error(Status::kInvalidArgument,
                name + ": " + raised.getOriginalMsg().value_or(cause_of(raised.what())));
  } catch (const c10::Error& error) {
    throw Error(torch_status(error), name + ": " + cause_of(torch_message(error)));
  } catch (const std::runtime_error& error) {  // what the interpreter makes of a c10::Error
    const c10::Error cause({"", "", 0}, cause_of(error.what()));
    throw Error(torch_status(cause), name + ": " + torch_message(cause));
  }
  return std::move(stack.front());
}

}  // namespace oft
