#include "tensor_types.hpp"

#include <array>
#include <string>

#include "boundary.hpp"
#include "text.hpp"

namespace oft::c_api {
namespace {

// By the number of the enumerator.
constexpr std::array kTypes{at::kFloat, at::kDouble, at::kHalf, at::kBFloat16,
                            at::kLong,  at::kInt,    at::kByte, at::kBool};

}  // namespace

at::ScalarType type_in(oft_dtype dtype) {
  if (dtype < 0 || static_cast<std::size_t>(dtype) >= kTypes.size())
    throw Error(Status::kInvalidArgument,
                "dtype " + std::to_string(dtype) + " stands for nothing; see OFT_DTYPE_*");
  return kTypes[static_cast<std::size_t>(dtype)];
}

std::optional<at::ScalarType> optional_type_in(oft_dtype dtype) {
  if (dtype == -1) return std::nullopt;
  return type_in(dtype);
}

oft_dtype type_out(at::ScalarType type) {
  for (std::size_t i = 0; i < kTypes.size(); ++i)
    if (kTypes[i] == type) return static_cast<oft_dtype>(i);
  throw Error(Status::kUnsupported,
              std::string("a tensor of ") + c10::toString(type) + " has no OFT_DTYPE number");
}

std::vector<at::Tensor> tensors_in(const oft_tensor* const* tensors, std::size_t count) {
  if (count != 0) deref(tensors, "tensors");
  std::vector<at::Tensor> values;
  values.reserve(count);
  for (std::size_t i = 0; i < count; ++i) values.push_back(deref(tensors[i], "a tensor").value);
  return values;
}

const at::Tensor& row_major(const at::Tensor& tensor) {
  const bool plain = tensor.is_cpu() && tensor.layout() == at::kStrided && !tensor.is_neg() &&
                     tensor.is_contiguous();
  if (!plain)
    throw Error(Status::kUnsupported,
                "a tensor on " + tensor.device().str() + " of shape " + shape_text(tensor.sizes()) +
                    " does not lie row-major in memory; copy it with oft_tensor_to");
  return tensor;
}

at::Tensor cpu_copy(const at::Tensor& tensor, at::ScalarType type) {
  const at::Tensor value = tensor.detach();
  const at::Tensor dense = value.layout() == at::kStrided ? value : value.to_dense();
  return dense.to(at::TensorOptions(at::kCPU).dtype(type), /*non_blocking=*/false, /*copy=*/true,
                  at::MemoryFormat::Contiguous);
}

at::Tensor tensor_out(const at::Tensor& tensor) { return tensor.detach().cpu().contiguous(); }

void give_if_defined(oft_tensor** out, const char* name, at::Tensor tensor) {
  if (tensor.defined()) {
    give(out, name, std::move(tensor));
  } else {
    deref(out, name) = nullptr;
  }
}

}  // namespace oft::c_api
