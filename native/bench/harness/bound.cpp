#include "bound.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "../multiply_adds.h"

namespace oft::bench {
namespace {

constexpr double kSampleMultiplyAdds = 2e8;
constexpr std::size_t kSampleBytes = std::size_t{64} << 20;
constexpr int kSamples = 7;

/// The shortest of several runs.
double shortest(const Contender& contender) {
  double best = contender.seconds(1);
  for (int i = 0; i < kSamples; ++i) best = std::min(best, contender.seconds(1));
  return best;
}

}  // namespace

std::optional<Contender> multiply_add_bound(double count) {
  if (multiply_adds_of_step() == 0) return std::nullopt;
  const auto steps =
      static_cast<std::int64_t>(std::ceil(count / static_cast<double>(multiply_adds_of_step())));
  return local("FMA peak", Role::kBound, [steps] {
    at::parallel_for(0, steps, 1,
                     [](std::int64_t begin, std::int64_t end) { multiply_adds(end - begin); });
  });
}

Contender copy_bound(std::size_t bytes) {
  const auto source = std::make_shared<std::vector<char>>(bytes, 1);
  const auto target = std::make_shared<std::vector<char>>(bytes, 0);
  return local("memcpy", Role::kBound, [source, target] {
    at::parallel_for(0, static_cast<std::int64_t>(source->size()), 1 << 16,
                     [&](std::int64_t begin, std::int64_t end) {
                       std::memcpy(target->data() + begin, source->data() + begin,
                                   static_cast<std::size_t>(end - begin));
                     });
  });
}

double multiply_adds_per_second() {
  const auto bound = multiply_add_bound(kSampleMultiplyAdds);
  return bound ? kSampleMultiplyAdds / shortest(*bound) : 0;
}

double bytes_copied_per_second() {
  return static_cast<double>(kSampleBytes) / shortest(copy_bound(kSampleBytes));
}

}  // namespace oft::bench
