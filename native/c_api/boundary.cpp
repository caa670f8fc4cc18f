#include "boundary.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <new>

#include "torch_error.hpp"

namespace oft::c_api {
namespace {

oft_status report(oft_error** out_error, Status status, const char* message) noexcept {
  try {
    if (out_error != nullptr) *out_error = new oft_error(status, message);
  } catch (const std::bad_alloc&) {
    status = Status::kOutOfMemory;
  }
  return static_cast<oft_status>(status);
}

}  // namespace

oft_status translate_exception(oft_error** out_error) noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return report(out_error, error.status(), error.what());
  } catch (const c10::Error& error) {
    return report(out_error, torch_status(error), torch_message(error).c_str());
  } catch (const std::filesystem::filesystem_error& error) {
    return report(out_error, Status::kIo, error.what());
  } catch (const std::bad_alloc&) {
    return report(out_error, Status::kOutOfMemory, "out of memory");
  } catch (const std::exception& error) {
    return report(out_error, Status::kInternal, error.what());
  } catch (...) {
    return report(out_error, Status::kInternal, "an unknown exception");
  }
}

std::string_view text_in(const char* data, std::size_t size, const char* name) {
  if (data == nullptr && size != 0)
    throw Error(Status::kInvalidArgument,
                std::string(name) + " is NULL although its length is " + std::to_string(size));
  return {data, size};
}

std::filesystem::path path_in(const char* data, std::size_t size, const char* name) {
  const std::string_view text = text_in(data, size, name);
  if (text.find('\0') != std::string_view::npos)
    throw Error(Status::kInvalidArgument,
                std::string(name) + " '" + text.data() +
                    "' goes on after a zero byte, which no path can hold");
  return text;
}

void text_out(std::string_view text, char* buffer, std::size_t capacity, std::size_t* out_size) {
  std::size_t& size = deref(out_size, "out_size");
  if (buffer == nullptr && capacity != 0)
    throw Error(Status::kInvalidArgument, "buffer is NULL although its capacity is not 0");
  if (buffer != nullptr && !text.empty())
    std::memcpy(buffer, text.data(), std::min(capacity, text.size()));
  size = text.size();
}

}  // namespace oft::c_api
