#include "../isa.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace oft::kernels {

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
      return "scalar";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
  }
  return "unknown";
}

Isa best_isa() {
#if defined(__x86_64__)
  // These answers cover the operating system too: the compiler's runtime reads XGETBV.
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("f16c");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  if (avx512) return Isa::kAvx512;
  if (avx2) return Isa::kAvx2;
#endif
  return Isa::kScalar;
}

Isa isa_by_name(const char* name) {
  const std::string wanted(name);
  for (Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (wanted != isa_name(isa)) continue;
    if (isa > best_isa()) {
      throw std::runtime_error("instruction set \"" + wanted +
                               "\" is not offered here: OFT_FORCE_ISA can ask for \"" +
                               isa_name(best_isa()) + "\" at most");
    }
    return isa;
  }
  throw std::runtime_error("instruction set \"" + wanted +
                           "\" is unknown: OFT_FORCE_ISA takes scalar, avx2 or avx512");
}

Isa active_isa() {
  static const Isa isa = [] {
    const char* forced = std::getenv("OFT_FORCE_ISA");
    return forced && *forced ? isa_by_name(forced) : best_isa();
  }();
  return isa;
}

}  // namespace oft::kernels
