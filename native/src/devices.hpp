#pragma once

#include <c10/core/Device.h>
#include <c10/core/StreamGuard.h>

#include <string>

namespace oft {

/// How many devices of a kind libtorch sees; none where it was built without that kind, or where
/// the driver is missing.
int device_count(c10::DeviceType type);

/// "cpu", "cuda" for the current device of that kind, "cuda:1", ... Throws Error(kInvalidArgument)
/// for what is no device's name, Error(kDevice), saying what is missing and what to do, where there
/// is no such device.
c10::Device present_device(const std::string& name);

/// While it lives, what this thread does on a device goes to a stream that no other such thread
/// uses. Of no effect on the CPU.
class OwnStream {
 public:
  explicit OwnStream(c10::Device device);

 private:
  c10::OptionalStreamGuard guard_;
};

}  // namespace oft
