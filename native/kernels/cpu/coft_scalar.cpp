#include <cmath>

#include "../coft.h"

namespace oft::kernels {
namespace {

/// In several chains, as one would wait for each addition.
template <typename T>
T sum_of_squares(const T* q, std::int64_t count) {
  constexpr std::int64_t kChains = 16;
  T sums[kChains] = {};
  std::int64_t t = 0;
  for (; t + kChains <= count; t += kChains) {
    for (std::int64_t chain = 0; chain < kChains; ++chain) {
      sums[chain] += q[t + chain] * q[t + chain];
    }
  }
  T sum = 0;
  for (; t < count; ++t) sum += q[t] * q[t];
  for (const T part : sums) sum += part;
  return sum;
}

}  // namespace

template <typename T>
void project_coft(const T* q, T* projected, std::int64_t rows, std::int64_t parameters, T limit) {
  for (std::int64_t row = 0; row < rows; ++row, q += parameters, projected += parameters) {
    const T norm = std::sqrt(2 * sum_of_squares(q, parameters));
    const T factor = norm <= limit ? 1 : limit / norm;
    for (std::int64_t t = 0; t < parameters; ++t) projected[t] = q[t] * factor;
  }
}

template void project_coft(const float*, float*, std::int64_t, std::int64_t, float);
template void project_coft(const double*, double*, std::int64_t, std::int64_t, double);

}  // namespace oft::kernels
