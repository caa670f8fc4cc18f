#include "tensor_types.hpp"

#include <array>
#include <string>

#include "oft/error.hpp"

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

oft_dtype type_out(at::ScalarType type) {
  for (std::size_t i = 0; i < kTypes.size(); ++i)
    if (kTypes[i] == type) return static_cast<oft_dtype>(i);
  throw Error(Status::kUnsupported,
              std::string("a tensor of ") + c10::toString(type) + " has no OFT_DTYPE number");
}

at::Tensor tensor_out(const at::Tensor& tensor) { return tensor.detach().cpu().contiguous(); }

}  // namespace oft::c_api
