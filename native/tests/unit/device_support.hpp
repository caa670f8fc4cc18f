#pragma once

#include <iostream>
#include <string>
#include <vector>

#include "src/devices.hpp"
#include "support.hpp"

namespace oft::testing {

/// The CPU, and the current CUDA device where libtorch sees one.
inline std::vector<at::Device> test_devices() {
  std::vector<at::Device> devices{at::kCPU};
  if (device_count(at::kCUDA) > 0) devices.emplace_back(at::kCUDA);
  return devices;
}

/// Names the suite's instances: Cpu, Cuda.
inline std::string device_name(const ::testing::TestParamInfo<at::Device>& info) {
  return info.param.is_cuda() ? "Cuda" : "Cpu";
}

/// A test that runs once on each device.
class OnDevice : public ::testing::TestWithParam<at::Device> {
 protected:
  OnDevice() { at::manual_seed(41); }

  at::Tensor here(const at::Tensor& tensor) const { return tensor.to(GetParam()); }
  /// A leaf there, of that type.
  at::Tensor leaf(const at::Tensor& tensor, at::ScalarType dtype) const {
    return tensor.detach()
        .to(GetParam(), dtype, /*non_blocking=*/false, /*copy=*/true)
        .requires_grad_(true);
  }
};

}  // namespace oft::testing
