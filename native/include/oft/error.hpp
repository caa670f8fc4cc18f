#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "oft/export.hpp"

namespace oft {

/// Category of a failure. The numbers are those of `oft_status` in c_api.h: append only.
enum class Status : std::int32_t {
  kOk = 0,
  kInvalidArgument = -1,  ///< a value is wrong: a config field, a shape, a dtype
  kInvalidState = -2,     ///< the call is right, but not now
  kNotFound = -3,         ///< a file, layer or adapter name does not exist
  kIo = -4,               ///< the operating system refused to read or write
  kParse = -5,            ///< a file or a text is malformed
  kUnsupported = -6,      ///< well-formed, but not something that can be done
  kOutOfMemory = -7,
  kDevice = -8,     ///< the device is absent or failed
  kInternal = -9,   ///< a defect of oft itself
  kCancelled = -10  ///< the caller's progress callback asked to stop
};

/// The one exception `liboft` throws. The text names the thing, the value and the remedy.
class OFT_EXPORT Error : public std::runtime_error {
 public:
  Error(Status status, const std::string& message) : std::runtime_error(message), status_(status) {}

  Status status() const noexcept { return status_; }

 private:
  Status status_;
};

}  // namespace oft
