#include "devices.hpp"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <optional>

#include "oft/error.hpp"

namespace oft {

int device_count(c10::DeviceType type) {
  // Without a driver the count is zero, where other calls would fail.
  return c10::impl::hasDeviceGuardImpl(type) ? c10::impl::VirtualGuardImpl(type).deviceCount() : 0;
}

c10::Device present_device(const std::string& name) {
  std::optional<c10::Device> device;
  try {
    device.emplace(name);
  } catch (const c10::Error&) {
    throw Error(Status::kInvalidArgument,
                "device '" + name + "' is unknown; give \"cpu\", \"cuda\" or \"cuda:0\"");
  }
  if (device->is_cpu()) return *device;
  const std::string kind = c10::DeviceTypeName(device->type(), /*lower_case=*/true);
  const std::string absent = "device '" + name + "' is absent: ";
  if (!c10::impl::hasDeviceGuardImpl(device->type()))
    throw Error(Status::kDevice, absent + "this libtorch was built without " + kind +
                                     "; use one that was built with it, or \"cpu\"");
  const int count = device_count(device->type());
  if (count == 0)
    throw Error(Status::kDevice, absent + "libtorch sees no " + kind +
                                     " device here; check the driver and what it shows to this "
                                     "process, or use \"cpu\"");
  if (device->index() >= count)
    throw Error(Status::kDevice, absent + "libtorch sees " + std::to_string(count) + " here, " +
                                     kind + ":0 to " + kind + ":" + std::to_string(count - 1));
  return *device;
}

OwnStream::OwnStream(c10::Device device) {
  if (!device.is_cpu())
    guard_.reset_stream(c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device));
}

}  // namespace oft
