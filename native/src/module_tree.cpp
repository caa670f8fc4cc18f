#include "oft/module_tree.hpp"

#include <torch/csrc/jit/api/module.h>

#include "oft/error.hpp"

namespace oft {

torch::jit::Module ModuleTree::script() const {
  throw Error(Status::kUnsupported, "the model is a torch::nn network, not a TorchScript module");
}

}  // namespace oft
