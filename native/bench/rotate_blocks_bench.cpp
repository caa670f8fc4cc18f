// rotate_blocks, from the left and backward too, on each instruction set, one thread. GFMA are 10^9
// multiply-adds, of_peak their share of the fp32 peak (fp64 can reach half), of_memcpy that of the
// speed of a mere copy of x to y: the larger one says what the kernel is bound by.

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "../tests/kernels/number_format.h"
#include "bounds.h"
#include "rotate_blocks.h"
#include "rotate_blocks_backward.h"
#include "rotate_blocks_left.h"

namespace oft::bench {
namespace {

using namespace oft::kernels;

struct Shape {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t b;
  bool in_place;
};

// The merge job rotates chunks that stay in L2, in place: 256 rows of a Linear(2048), here at the
// usual block sizes and at two that fill no vector. 4096 x 4096 is a Linear of a 7B model as a
// whole, in memory; 512 x 768 the tokens of a training step of a small encoder; 1 x 1024 a forward
// of one token.
const std::vector<Shape> kShapes = {
    {256, 2048, 32, true}, {256, 2048, 4, true},    {256, 2046, 6, true},   {256, 2048, 16, true},
    {256, 2048, 64, true}, {256, 2002, 77, true},   {256, 2048, 128, true}, {256, 2048, 512, true},
    {256, 2048, 8, true},  {256, 2048, 1024, true}, {4096, 4096, 32, true}, {4096, 4096, 32, false},
    {512, 768, 32, false}, {1, 1024, 32, false},
};

/// A short random pattern over and over, no value above `limit`.
template <typename T>
std::vector<T> values(std::int64_t size, double limit) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<double> uniform(-limit, limit);
  std::vector<T> pattern(4093);
  for (T& value : pattern) value = from_double<T>(uniform(generator));
  std::vector<T> result(static_cast<std::size_t>(size));
  for (std::size_t t = 0; t < result.size(); ++t) result[t] = pattern[t % pattern.size()];
  return result;
}

/// |x| <= 1 and |m| <= 1/b, so either sum is off by at most b u, and rounded once.
template <typename T>
bool nearly_equal(const std::vector<T>& y, const std::vector<T>& expected, std::int64_t b) {
  const double tolerance =
      2 *
      (static_cast<double>(b) * unit_roundoff<typename Accumulate<T>::type>() + unit_roundoff<T>());
  for (std::size_t t = 0; t < y.size(); ++t) {
    if (std::memcmp(&y[t], &expected[t], sizeof(T)) == 0) continue;
    if (!(std::fabs(to_double(y[t]) - to_double(expected[t])) <= tolerance)) return false;
  }
  return true;
}

template <typename T>
void rotate_blocks_bench(benchmark::State& state, const Shape& shape, Isa isa) {
  using M = typename Accumulate<T>::type;
  const std::int64_t size = shape.rows * shape.columns;
  const std::int64_t b = shape.b;
  const std::int64_t blocks = shape.columns / b;
  auto x = values<T>(size, 1);
  auto m = values<M>(blocks * b * b, 1 / static_cast<double>(b));
  std::vector<T> y(x.size());
  std::vector<T> expected(x.size());
  RotateBlocks<T> work{x.data(),   shape.columns, y.data(), shape.columns, m.data(),
                       shape.rows, blocks,        b,        false};
  rotate_blocks(work, isa);
  work.y = expected.data();
  rotate_blocks(work, Isa::kScalar);
  if (!nearly_equal(y, expected, b)) {
    state.SkipWithError("the result differs from the scalar one");
    return;
  }

  const std::size_t bytes = x.size() * sizeof(T);
  const double copied = seconds_of([&] {
    std::memcpy(y.data(), x.data(), bytes);
    benchmark::ClobberMemory();
  });
  work.y = y.data();
  if (shape.in_place) {
    // Values that are rotated again and again must not die away.
    for (std::int64_t t = 0; t < blocks * b * b; ++t) {
      m[static_cast<std::size_t>(t)] = t % (b * b) % (b + 1) == 0 ? 1 : 0;
    }
    work.y = x.data();
  }
  for (auto _ : state) {
    rotate_blocks(work, isa);
    benchmark::ClobberMemory();
  }
  count_multiply_adds(state, static_cast<double>(size * b));
  state.counters["of_memcpy"] =
      benchmark::Counter(copied, benchmark::Counter::kIsIterationInvariantRate);
}

const std::vector<std::int64_t> kBlockSizes = {4, 8, 32, 64, 128, 512, 1024};

/// A Conv1D(1024)'s weight.
template <typename T>
void rotate_blocks_left_bench(benchmark::State& state, std::int64_t b, Isa isa) {
  using M = typename Accumulate<T>::type;
  constexpr std::int64_t kColumns = 1024;
  const std::int64_t blocks = 1024 / b;
  auto x = values<T>(blocks * b * kColumns, 1);
  const auto m = values<M>(blocks * b * b, 1 / static_cast<double>(b));
  std::vector<T> y(x.size());
  std::vector<T> expected(x.size());
  RotateBlocksLeft<T> work{x.data(), kColumns, y.data(), kColumns, m.data(),
                           kColumns, blocks,   b,        false};
  rotate_blocks_left(work, isa);
  work.y = expected.data();
  rotate_blocks_left(work, Isa::kScalar);
  if (!nearly_equal(y, expected, b)) {
    state.SkipWithError("the result differs from the scalar one");
    return;
  }
  for (auto _ : state) {
    rotate_blocks_left(work, isa);
    benchmark::ClobberMemory();
  }
  count_multiply_adds(state, static_cast<double>(blocks * b * b * kColumns));
}

/// 512 tokens of a Linear(1024).
template <typename T>
void rotate_blocks_backward_bench(benchmark::State& state, std::int64_t b, Isa isa) {
  using M = typename Accumulate<T>::type;
  constexpr std::int64_t kRows = 512;
  constexpr std::int64_t kColumns = 1024;
  // Values so small that a sum of all rows stays near 1.
  const auto x = values<T>(kRows * kColumns, 1);
  const auto y_grad = values<T>(kRows * kColumns, 1.0 / kRows);
  std::vector<M> m_grad(static_cast<std::size_t>(kColumns * b));
  std::vector<M> expected(m_grad.size());
  RotateBlocksBackward<T> work{
      x.data(), kColumns, y_grad.data(), kColumns, m_grad.data(), kRows, kColumns / b, b,
      0,        b,        false};
  rotate_blocks_backward(work, isa);
  work.m_grad = expected.data();
  rotate_blocks_backward(work, Isa::kScalar);
  if (!nearly_equal(m_grad, expected, kRows)) {
    state.SkipWithError("the result differs from the scalar one");
    return;
  }
  for (auto _ : state) {
    rotate_blocks_backward(work, isa);
    benchmark::ClobberMemory();
  }
  count_multiply_adds(state, static_cast<double>(kRows * kColumns * b));
}

template <typename T>
void add(const std::string& type) {
  for (const Isa isa : {Isa::kAvx512, Isa::kAvx2, Isa::kScalar}) {
    if (isa > best_isa()) continue;
    const std::string suffix = "/" + std::string(isa_name(isa)) + "/" + type + "/b:";
    for (const std::int64_t b : kBlockSizes) {
      benchmark::RegisterBenchmark(("rotate_blocks_left" + suffix + std::to_string(b)).c_str(),
                                   rotate_blocks_left_bench<T>, b, isa)
          ->Unit(benchmark::kMicrosecond);
      benchmark::RegisterBenchmark(("rotate_blocks_backward" + suffix + std::to_string(b)).c_str(),
                                   rotate_blocks_backward_bench<T>, b, isa)
          ->Unit(benchmark::kMicrosecond);
    }
    for (const Shape& shape : kShapes) {
      const std::string name = "rotate_blocks/" + std::string(isa_name(isa)) + "/" + type + "/" +
                               std::to_string(shape.rows) + "x" + std::to_string(shape.columns) +
                               "/b:" + std::to_string(shape.b) +
                               (shape.in_place ? "/in_place" : "");
      benchmark::RegisterBenchmark(name.c_str(), rotate_blocks_bench<T>, shape, isa)
          ->Unit(benchmark::kMicrosecond);
    }
  }
}

}  // namespace
}  // namespace oft::bench

int main(int argc, char** argv) {
  oft::bench::add<oft::kernels::Half>("fp16");
  oft::bench::add<oft::kernels::BFloat16>("bf16");
  oft::bench::add<float>("fp32");
  oft::bench::add<double>("fp64");
  return oft::bench::run(argc, argv);
}
