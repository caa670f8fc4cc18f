// cayley and cayley_neumann on each instruction set, one thread. GFMA are 10^9 multiply-adds, b^3
// per inverse or product, of_peak their share of the fp32 peak (fp64 can reach half).

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "../tests/kernels/number_format.h"
#include "bounds.h"
#include "cayley.h"

namespace oft::bench {
namespace {

using namespace oft::kernels;

struct Shape {
  std::int64_t blocks;
  std::int64_t b;
};

// 128 blocks of 32 rotate a Linear(4096) of a 7B model; the others are smaller and larger blocks,
// up to two for a Linear(1024).
const std::vector<Shape> kShapes = {{256, 4}, {128, 16}, {128, 32}, {128, 64}, {32, 128}, {2, 512}};

/// Number of terms of the series; 0 stands for the exact transform.
constexpr std::int64_t kExact = 0;

template <typename T>
void transform(const std::vector<T>& q, std::vector<T>& r, const Shape& shape, std::int64_t terms,
               Isa isa) {
  if (terms == kExact) {
    cayley(q.data(), r.data(), shape.blocks, shape.b, isa);
  } else {
    cayley_neumann(q.data(), r.data(), shape.blocks, shape.b, terms, false, isa);
  }
}

template <typename T>
void cayley_bench(benchmark::State& state, const Shape& shape, std::int64_t terms, Isa isa) {
  const double b = static_cast<double>(shape.b);
  std::mt19937 generator(1);
  std::normal_distribution<double> normal(0, 0.2 / std::sqrt(b));  // |Q| of about 0.4
  std::vector<T> q(static_cast<std::size_t>(shape.blocks * shape.b * (shape.b - 1) / 2));
  for (T& value : q) value = static_cast<T>(normal(generator));
  std::vector<T> r(static_cast<std::size_t>(shape.blocks * shape.b * shape.b));
  std::vector<T> expected(r.size());

  transform(q, r, shape, terms, isa);
  transform(q, expected, shape, terms, Isa::kScalar);
  // Both are off by some roundings of numbers of about 1.
  const double tolerance = 4 * std::sqrt(b) * unit_roundoff<T>();
  for (std::size_t t = 0; t < r.size(); ++t) {
    if (!(std::fabs(r[t] - expected[t]) <= tolerance)) {
      state.SkipWithError("the result differs from the scalar one");
      return;
    }
  }

  for (auto _ : state) {
    transform(q, r, shape, terms, isa);
    benchmark::ClobberMemory();
  }
  const double products = terms == kExact ? 1 : std::floor(static_cast<double>(terms) / 2);
  count_multiply_adds(state, static_cast<double>(shape.blocks) * b * b * b * products);
}

template <typename T>
void add(const std::string& type) {
  for (const Isa isa : {Isa::kAvx512, Isa::kAvx2, Isa::kScalar}) {
    if (isa > best_isa()) continue;
    for (const std::int64_t terms : {kExact, std::int64_t{5}}) {
      for (const Shape& shape : kShapes) {
        const std::string name = (terms == kExact ? "cayley/" : "cayley_neumann/") +
                                 std::string(isa_name(isa)) + "/" + type + "/" +
                                 std::to_string(shape.blocks) + "x/b:" + std::to_string(shape.b);
        benchmark::RegisterBenchmark(name.c_str(), cayley_bench<T>, shape, terms, isa)
            ->Unit(benchmark::kMicrosecond);
      }
    }
  }
}

}  // namespace
}  // namespace oft::bench

int main(int argc, char** argv) {
  oft::bench::add<float>("fp32");
  oft::bench::add<double>("fp64");
  return oft::bench::run(argc, argv);
}
