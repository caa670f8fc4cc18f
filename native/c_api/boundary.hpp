#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

#include "handles.hpp"

/// What every entry of the C ABI does on its way in and out.
namespace oft::c_api {

/// Turns the exception being handled into a status and, where it is wanted, an error.
oft_status translate_exception(oft_error** out_error) noexcept;

/// Runs `body`; nothing it throws leaves.
template <typename Body>
oft_status boundary(oft_error** out_error, Body&& body) noexcept {
  try {
    body();
    return OFT_STATUS_OK;
  } catch (...) {
    return translate_exception(out_error);
  }
}

/// Throws Error(kInvalidArgument) where `pointer` is null.
template <typename T>
T& deref(T* pointer, const char* name) {
  if (pointer == nullptr) throw Error(Status::kInvalidArgument, std::string(name) + " is NULL");
  return *pointer;
}

/// Text from outside: a pointer and a length, where NULL stands for the empty text.
std::string_view text_in(const char* data, std::size_t size, const char* name);

/// Text from outside that names a file. Throws Error(kInvalidArgument) for a zero byte, at which
/// the system would end it.
std::filesystem::path path_in(const char* data, std::size_t size, const char* name);

/// Copies text by the size-probe pattern.
void text_out(std::string_view text, char* buffer, std::size_t capacity, std::size_t* out_size);

/// Hands a new handle out, only once nothing can fail any more.
template <typename Handle, typename Value>
void give(Handle** out, const char* name, Value&& value) {
  Handle*& slot = deref(out, name);
  slot = new Handle(std::forward<Value>(value));
}

}  // namespace oft::c_api
