#include "autocast.hpp"

#include <ATen/autocast_mode.h>

#include "dtypes.hpp"
#include "oft/error.hpp"

namespace oft {
namespace {

using at::autocast::get_autocast_dtype;
using at::autocast::is_autocast_enabled;

}  // namespace

Autocast::Autocast(c10::ScalarType dtype)
    : before_{Before{at::kCPU, is_autocast_enabled(at::kCPU), get_autocast_dtype(at::kCPU)},
              Before{at::kCUDA, is_autocast_enabled(at::kCUDA), get_autocast_dtype(at::kCUDA)}} {
  if (dtype != at::kBFloat16 && dtype != at::kHalf)
    throw Error(Status::kInvalidArgument,
                "autocast to " + torch_name(dtype) + " is not possible; use bfloat16 or float16");
  for (const Before& before : before_) {
    at::autocast::set_autocast_enabled(before.device, true);
    at::autocast::set_autocast_dtype(before.device, dtype);
  }
  at::autocast::increment_nesting();
}

Autocast::~Autocast() {
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  for (const Before& before : before_) {
    at::autocast::set_autocast_enabled(before.device, before.enabled);
    at::autocast::set_autocast_dtype(before.device, before.dtype);
  }
}

}  // namespace oft
