#include "tied_tensors.hpp"

#include <utility>

namespace oft {

TensorKey tensor_key(const at::Tensor& tensor) {
  return {tensor.storage().unsafeGetStorageImpl(), tensor.storage_offset(), tensor.scalar_type(),
          tensor.sizes().vec(), tensor.strides().vec()};
}

TiedTensors::TiedTensors(std::function<at::Tensor(const at::Tensor&)> function)
    : function_(std::move(function)) {}

at::Tensor TiedTensors::operator()(const at::Tensor& tensor) {
  if (!tensor.has_storage()) return function_(tensor);
  at::Tensor& value = values_[tensor_key(tensor)];
  if (!value.defined()) value = function_(tensor);
  return value;
}

}  // namespace oft
