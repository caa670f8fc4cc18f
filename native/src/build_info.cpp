#include "oft/build_info.hpp"

#include <ATen/Parallel.h>
#include <torch/headeronly/version.h>

#include "json_text.hpp"
#include "kernels/isa.h"

namespace oft {

std::string build_info() {
  Json available = Json::array();
  for (const auto isa : {kernels::Isa::kScalar, kernels::Isa::kAvx2, kernels::Isa::kAvx512})
    if (isa <= kernels::best_isa()) available.push_back(kernels::isa_name(isa));
  return Json{{"oft", OFT_VERSION},
              {"torch", TORCH_VERSION},
              {"cuda", nullptr},
              {"compiler", __VERSION__},
              {"isa_available", available},
              {"isa", kernels::isa_name(kernels::active_isa())},
              {"threads", at::get_num_threads()}}
      .dump();
}

}  // namespace oft
