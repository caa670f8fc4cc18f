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
#include "multiply_adds.h"

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

/// fp32 multiply-adds per second of the strongest set here; 0 where we cannot tell.
inline double peak_multiply_adds() {
  static const double peak = [] {
    constexpr std::int64_t kSteps = 100'000;
    const auto all = static_cast<double>(kSteps * multiply_adds_of_step());
    return all == 0 ? 0.0 : all / seconds_of([] { multiply_adds(kSteps); });
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
