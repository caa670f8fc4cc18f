#ifndef OFT_BENCH_BOUNDS_H
#define OFT_BENCH_BOUNDS_H

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>

#include "isa.h"

/// What no kernel beats on one thread of this machine: its multiply-adds, and its memory.
namespace oft::bench {

/// The shortest of several runs.
template <typename Work>
double seconds_of(const Work& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int run = 0; run < 20; ++run) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

inline constexpr std::int64_t kSteps = 100'000;
inline constexpr std::int64_t kChains = 8;  // two a cycle, four cycles each

#if defined(__x86_64__)
using Vector256 = float __attribute__((vector_size(32)));
using Vector512 = float __attribute__((vector_size(64)));

// One text for both: an operand prints as its register.
#define OFT_BENCH_MULTIPLY_ADDS(Vector)                                                  \
  Vector a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{}, x{};                                    \
  for (std::int64_t step = 0; step < kSteps; ++step) {                                   \
    asm volatile(                                                                        \
        "vfmadd231ps %8, %8, %0\n\tvfmadd231ps %8, %8, %1\n\tvfmadd231ps %8, %8, %2\n\t" \
        "vfmadd231ps %8, %8, %3\n\tvfmadd231ps %8, %8, %4\n\tvfmadd231ps %8, %8, %5\n\t" \
        "vfmadd231ps %8, %8, %6\n\tvfmadd231ps %8, %8, %7"                               \
        : "+x"(a), "+x"(b), "+x"(c), "+x"(d), "+x"(e), "+x"(f), "+x"(g), "+x"(h)         \
        : "x"(x));                                                                       \
  }

__attribute__((target("avx,fma"))) inline void multiply_adds_256() {
  OFT_BENCH_MULTIPLY_ADDS(Vector256)
}
__attribute__((target("avx512f"))) inline void multiply_adds_512() {
  OFT_BENCH_MULTIPLY_ADDS(Vector512)
}
#undef OFT_BENCH_MULTIPLY_ADDS
#endif

/// fp32 multiply-adds per second of the strongest set here; 0 where we cannot tell.
inline double peak_multiply_adds() {
  static const double peak = [] {
    [[maybe_unused]] const double all = static_cast<double>(kSteps * kChains);
    switch (kernels::best_isa()) {
#if defined(__x86_64__)
      case kernels::Isa::kAvx512:
        return all * 16 / seconds_of(multiply_adds_512);
      case kernels::Isa::kAvx2:
        return all * 8 / seconds_of(multiply_adds_256);
#endif
      default:
        return 0.0;
    }
  }();
  return peak;
}

/// Counts an iteration's multiply-adds, also as a share of the fp32 peak.
inline void count_multiply_adds(benchmark::State& state, double multiply_adds) {
  const auto rate = benchmark::Counter::kIsIterationInvariantRate;
  state.counters["GFMA"] = benchmark::Counter(multiply_adds / 1e9, rate);
  if (peak_multiply_adds() > 0) {
    state.counters["of_peak"] = benchmark::Counter(multiply_adds / peak_multiply_adds(), rate);
  }
}

/// Says what the numbers stand on, then runs what is registered.
inline int run(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  char peak[32];
  std::snprintf(peak, sizeof peak, "%.1f", peak_multiply_adds() / 1e9);
  benchmark::AddCustomContext("strongest instruction set", isa_name(kernels::best_isa()));
  benchmark::AddCustomContext("in use without a choice", isa_name(kernels::active_isa()));
  benchmark::AddCustomContext("bound: fp32 GFMA/s, one thread", peak);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace oft::bench

#endif
