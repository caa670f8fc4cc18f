#ifndef OFT_BENCH_MULTIPLY_ADDS_H
#define OFT_BENCH_MULTIPLY_ADDS_H

#include <cstdint>

#include "isa.h"

/// fp32 multiply-adds and nothing else, as many as one thread can do.
namespace oft::bench {

inline constexpr std::int64_t kChains = 8;  // two a cycle, four cycles each

#if defined(__x86_64__)
using Vector256 = float __attribute__((vector_size(32)));
using Vector512 = float __attribute__((vector_size(64)));

// One text for both: an operand prints as its register.
#define OFT_BENCH_MULTIPLY_ADDS(Vector)                                                  \
  Vector a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{}, x{};                                    \
  for (std::int64_t step = 0; step < steps; ++step) {                                    \
    asm volatile(                                                                        \
        "vfmadd231ps %8, %8, %0\n\tvfmadd231ps %8, %8, %1\n\tvfmadd231ps %8, %8, %2\n\t" \
        "vfmadd231ps %8, %8, %3\n\tvfmadd231ps %8, %8, %4\n\tvfmadd231ps %8, %8, %5\n\t" \
        "vfmadd231ps %8, %8, %6\n\tvfmadd231ps %8, %8, %7"                               \
        : "+x"(a), "+x"(b), "+x"(c), "+x"(d), "+x"(e), "+x"(f), "+x"(g), "+x"(h)         \
        : "x"(x));                                                                       \
  }

__attribute__((target("avx,fma"))) inline void multiply_adds_256(std::int64_t steps) {
  OFT_BENCH_MULTIPLY_ADDS(Vector256)
}
__attribute__((target("avx512f"))) inline void multiply_adds_512(std::int64_t steps) {
  OFT_BENCH_MULTIPLY_ADDS(Vector512)
}
#undef OFT_BENCH_MULTIPLY_ADDS
#endif

/// How many of them `multiply_adds` does in a step; 0 where we cannot tell what this machine can.
inline std::int64_t multiply_adds_of_step() {
  switch (kernels::best_isa()) {
#if defined(__x86_64__)
    case kernels::Isa::kAvx512:
      return 16 * kChains;
    case kernels::Isa::kAvx2:
      return 8 * kChains;
#endif
    default:
      return 0;
  }
}

/// Runs steps on the strongest instruction set here.
inline void multiply_adds([[maybe_unused]] std::int64_t steps) {
#if defined(__x86_64__)
  if (kernels::best_isa() == kernels::Isa::kAvx512) {
    multiply_adds_512(steps);
  } else if (kernels::best_isa() == kernels::Isa::kAvx2) {
    multiply_adds_256(steps);
  }
#endif
}

}  // namespace oft::bench

#endif
