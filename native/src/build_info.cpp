#include "oft/build_info.hpp"

#include <ATen/Parallel.h>
#include <torch/headeronly/version.h>

#include "devices.hpp"
#include "json_text.hpp"
#include "kernels/isa.h"
#include "linear.hpp"

#ifdef OFT_CUDA
#include <cuda_runtime_api.h>
#endif

namespace oft {
namespace {

/// Of the kernels in this build; null where it has none.
Json cuda_version() {
#ifdef OFT_CUDA
  return std::to_string(CUDART_VERSION / 1000) + '.' + std::to_string(CUDART_VERSION % 1000 / 10);
#else
  return nullptr;
#endif
}

}  // namespace

std::string build_info() {
  Json available = Json::array();
  for (const auto isa : {kernels::Isa::kScalar, kernels::Isa::kAvx2, kernels::Isa::kAvx512})
    if (isa <= kernels::best_isa()) available.push_back(kernels::isa_name(isa));
  return Json{{"oft", OFT_VERSION},
              {"torch", TORCH_VERSION},
              {"cuda", cuda_version()},
              {"cuda_devices", device_count(c10::kCUDA)},
              {"compiler", __VERSION__},
              {"isa_available", available},
              {"isa", kernels::isa_name(kernels::active_isa())},
              {"linear", linear_backend_name(linear_backend())},
              {"threads", at::get_num_threads()}}
      .dump();
}

}  // namespace oft
