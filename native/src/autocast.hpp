#pragma once

#include <c10/core/DeviceType.h>
#include <c10/core/ScalarType.h>

#include <array>

namespace oft {

/// While it lives, operators of this thread that gain by it run in a 16-bit type, on the CPU and on
/// CUDA devices.
class Autocast {
 public:
  /// Throws Error(kInvalidArgument) for other types than bfloat16 and float16.
  explicit Autocast(c10::ScalarType dtype);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  struct Before {
    c10::DeviceType device;
    bool enabled;
    c10::ScalarType dtype;
  };
  std::array<Before, 2> before_;
};

}  // namespace oft
