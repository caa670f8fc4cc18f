#include "torch_error.hpp"

#include <string_view>

namespace oft {

Status torch_status(const c10::Error& error) {
  const std::string_view text = error.what_without_backtrace();
  const auto says = [&](std::string_view part) { return text.find(part) != text.npos; };
  // The CPU's allocator has no exception type of its own.
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
      says("can't allocate memory"))
    return Status::kOutOfMemory;
  if (dynamic_cast<const c10::AcceleratorError*>(&error) != nullptr ||
      says("PyTorch is not linked with support for") || says("Cannot initialize CUDA"))
    return Status::kDevice;
  if (dynamic_cast<const c10::NotImplementedError*>(&error) != nullptr) return Status::kUnsupported;
  return says("INTERNAL ASSERT FAILED") ? Status::kInternal : Status::kInvalidArgument;
}

std::string torch_message(const c10::Error& error) {
  const std::string text = error.what_without_backtrace();
  // Of a missing kernel libtorch goes on to list all that exist.
  return text.substr(0, text.find(". This could be because"));
}

}  // namespace oft
