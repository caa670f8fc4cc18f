#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <tuple>
#include <vector>

namespace oft {

/// Where a tensor's elements are. Tied tensors, and no others, have the same.
using TensorKey = std::tuple<const c10::StorageImpl*, std::int64_t, at::ScalarType,
                             std::vector<std::int64_t>, std::vector<std::int64_t>>;

/// `tensor`: has a storage.
TensorKey tensor_key(const at::Tensor& tensor);

/// Maps tensors so that those which are tied, the same elements of the same memory, stay so: a
/// loaded model has a tensor for each name, tied ones too.
class TiedTensors {
 public:
  explicit TiedTensors(std::function<at::Tensor(const at::Tensor&)> function);

  /// The function's value for the first of the tensors that are tied to this one.
  at::Tensor operator()(const at::Tensor& tensor);

 private:
  std::function<at::Tensor(const at::Tensor&)> function_;
  std::map<TensorKey, at::Tensor> values_;
};

}  // namespace oft
