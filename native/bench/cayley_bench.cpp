// cayley, cayley_neumann and their gradients on each instruction set, one thread. GFMA are 10^9
// multiply-adds, b^3 per inverse or product as the formula has them (what symmetry saves counts as
// done), of_peak their share of the fp32 peak (fp64 can reach half).

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "../tests/kernels/number_format.h"
#include "bounds.h"
#include "cayley.h"
#include "cayley_backward.h"

namespace oft::bench {
namespace {

using namespace oft::kernels;

struct Shape {
  std::int64_t blocks;
  std::int64_t b;
};

// 128 blocks of 32 rotate a Linear(4096) of a 7B model, 8 of 512 the same by r = 8, 648 of 32 all
// linears of MiniLM; the others are smaller and larger blocks.
const std::vector<Shape> kShapes = {{1024, 4}, {512, 8},  {256, 16}, {128, 32}, {648, 32},
                                    {128, 64}, {32, 128}, {8, 512},  {1, 1024}};

/// Beyond it the plain loops would take minutes.
constexpr std::int64_t kLargestForScalar = 128;

/// Number of terms of the series; 0 stands for the exact transform.
constexpr std::int64_t kExact = 0;

/// The numbers of one case: parameters, blocks, and gradients of both.
template <typename T>
struct Work {
  Shape shape;
  std::int64_t terms;
  std::vector<T> q;
  std::vector<T> r;
  std::vector<T> r_grad;
  std::vector<T> q_grad;

  Work(const Shape& at, std::int64_t number_of_terms) : shape(at), terms(number_of_terms) {
    const double b = static_cast<double>(shape.b);
    std::mt19937 generator(1);
    std::normal_distribution<double> normal(0, 0.2 / std::sqrt(b));  // |Q| of about 0.4
    q.resize(static_cast<std::size_t>(shape.blocks * shape.b * (shape.b - 1) / 2));
    r.resize(static_cast<std::size_t>(shape.blocks * shape.b * shape.b));
    r_grad.resize(r.size());
    q_grad.resize(q.size());
    for (T& value : q) value = static_cast<T>(normal(generator));
    for (T& value : r_grad) value = static_cast<T>(normal(generator));
  }

  void forward(Isa isa) {
    if (terms == kExact) {
      cayley(q.data(), r.data(), shape.blocks, shape.b, isa);
    } else {
      cayley_neumann(q.data(), r.data(), shape.blocks, shape.b, terms, false, isa);
    }
  }

  void backward(Isa isa) {
    if (terms == kExact) {
      cayley_backward(r.data(), r_grad.data(), q_grad.data(), shape.blocks, shape.b, isa);
    } else {
      cayley_neumann_backward(q.data(), r_grad.data(), q_grad.data(), shape.blocks, shape.b, terms,
                              false, isa);
    }
  }
};

/// Both are off by some roundings of numbers of about 1.
template <typename T>
bool agree(const std::vector<T>& a, const std::vector<T>& b, const Shape& shape) {
  const double tolerance = 4 * std::sqrt(static_cast<double>(shape.b)) * unit_roundoff<T>();
  for (std::size_t t = 0; t < a.size(); ++t) {
    if (!(std::fabs(a[t] - b[t]) <= tolerance)) return false;
  }
  return true;
}

template <typename T>
void cayley_bench(benchmark::State& state, const Shape& shape, std::int64_t terms, bool backward,
                  Isa isa) {
  Work<T> work(shape, terms);
  const auto run = [&](Isa set) { backward ? work.backward(set) : work.forward(set); };
  work.forward(isa);
  run(shape.b > kLargestForScalar ? std::min(best_isa(), Isa::kAvx2) : Isa::kScalar);
  const std::vector<T> expected = backward ? work.q_grad : work.r;
  run(isa);
  if (!agree(backward ? work.q_grad : work.r, expected, shape)) {
    state.SkipWithError("the result differs from the scalar one");
    return;
  }

  for (auto _ : state) {
    run(isa);
    benchmark::ClobberMemory();
  }
  const double b = static_cast<double>(shape.b);
  const double half = std::floor(static_cast<double>(terms) / 2);
  const double products = terms == kExact ? (backward ? 2 : 1) : (backward ? 2 * half : half);
  count_multiply_adds(state, static_cast<double>(shape.blocks) * b * b * b * products);
}

template <typename T>
void add(const std::string& type) {
  for (const Isa isa : {Isa::kAvx512, Isa::kAvx2, Isa::kScalar}) {
    if (isa > best_isa()) continue;
    for (const std::int64_t terms : {kExact, std::int64_t{5}}) {
      for (const bool backward : {false, true}) {
        for (const Shape& shape : kShapes) {
          if (isa == Isa::kScalar && shape.b > kLargestForScalar) continue;
          const std::string name = std::string(terms == kExact ? "cayley" : "cayley_neumann") +
                                   (backward ? "_backward/" : "/") + isa_name(isa) + "/" + type +
                                   "/" + std::to_string(shape.blocks) +
                                   "x/b:" + std::to_string(shape.b);
          benchmark::RegisterBenchmark(name.c_str(), cayley_bench<T>, shape, terms, backward, isa)
              ->Unit(benchmark::kMicrosecond);
        }
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
