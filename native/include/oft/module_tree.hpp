#pragma once

#include <ATen/core/ivalue.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "oft/export.hpp"
#include "oft/targets.hpp"

namespace torch::jit {
struct Module;
}
namespace torch::nn {
class Module;
}

namespace oft {

using NamedTensor = std::pair<std::string, at::Tensor>;

/// Keyword arguments of a forward.
using Kwargs = std::unordered_map<std::string, c10::IValue>;

/// Where the rotations of a layer act.
enum class Placement {
  kGraph,   ///< inside the module's own forward: on the input of a Linear, the output of an
            ///< Embedding
  kWeight,  ///< the module's `weight` is replaced by the rotated one
};

/// What an instance of a model has instead of the model's own tensors.
struct Assignments {
  /// By index of a module that is placed in the graph: R1, R2, ... in the order of application,
  /// each [blocks or 1, b, b]. Modules that are not named are not rotated.
  std::vector<std::pair<std::size_t, std::vector<at::Tensor>>> rotations;
  /// By parameter or buffer name. What is not named is the model's own, without gradient.
  std::vector<NamedTensor> tensors;
};

/// A model with assignments in place, ready to run. Freed, it leaves no trace in the model.
class OFT_EXPORT ModuleInstance {
 public:
  virtual ~ModuleInstance() = default;

  /// Makes the assignments count on this thread's return; waits until other assignments to the
  /// same network have been left. Any number of threads may have entered one instance.
  virtual void enter() {}
  virtual void leave() noexcept {}

  /// Runs the method "forward" of a TorchScript model on this thread, under this thread's grad
  /// mode. Throws Error(kUnsupported) for a torch::nn model, whose forward is its own C++ code, and
  /// Error(kInvalidArgument) where arguments do not fit the method.
  virtual c10::IValue forward(std::vector<c10::IValue> args, const Kwargs& kwargs) = 0;
};

/// A live model as a list of named layers with weights, whatever holds it.
///
/// Names are those of `named_modules()`, `named_parameters()` and `named_buffers()`. A module that
/// is reachable by two names is listed once, under the first.
class OFT_EXPORT ModuleTree {
 public:
  virtual ~ModuleTree() = default;

  /// All modules but the root, parents first.
  virtual const std::vector<Layer>& modules() const = 0;

  /// The groups of a convolution, else 1.
  virtual std::int64_t groups(std::size_t module) const = 0;

  /// All parameters; a tied one under each of its names.
  virtual std::vector<NamedTensor> parameters() const = 0;
  virtual std::vector<NamedTensor> buffers() const = 0;

  /// Gets the modules ready to be rotated and says how, in the order given. Called again with more
  /// modules when adapters with other targets come. Throws, with nothing changed,
  /// Error(kUnsupported) naming every module that cannot be rotated and why.
  virtual std::vector<Placement> prepare(const std::vector<std::size_t>& targets) = 0;

  /// A way to run the model with other tensors. `training` is the mode of its modules (dropout and
  /// the like). Modules must have been prepared.
  virtual std::shared_ptr<ModuleInstance> instantiate(const Assignments& assignments,
                                                      bool training) = 0;

  /// The model with parameters or buffers replaced for good, and no trace of rotations: a new tree
  /// over a copy that shares all other tensors (TorchScript), or this very network (torch::nn),
  /// where a tensor that is tied to one that is not replaced likewise is Error(kUnsupported).
  virtual std::shared_ptr<ModuleTree> with_tensors(
      const std::map<std::string, at::Tensor>& tensors) = 0;

  /// The TorchScript module behind it. Throws Error(kUnsupported) where there is none.
  virtual torch::jit::Module script() const;
};

/// A TorchScript model, traced or scripted. The module itself is never changed: rotated instances
/// have classes of their own and share its tensors.
/// Throws Error(kUnsupported), saying how to export instead, where it is frozen or inlined.
OFT_EXPORT std::shared_ptr<ModuleTree> script_tree(const torch::jit::Module& module);

/// A C++ network of Linear, Conv1d, Conv2d and Embedding modules in whatever arrangement. Its
/// modules' tensors are replaced and its modules in the instance's mode while one is entered; each
/// has its own again afterwards. Its parameters stop requiring gradients.
OFT_EXPORT std::shared_ptr<ModuleTree> nn_tree(std::shared_ptr<torch::nn::Module> module);

}  // namespace oft
