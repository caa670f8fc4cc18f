#include <cstdint>

#include "cayley_cpu.h"
#include "gauss_jordan_scalar.h"

// Plain C++: the fallback, and the reference for the other sets.
namespace oft::kernels {
namespace {

/// a = Q + diagonal I
template <typename T>
void load_skew(const T* q, T diagonal, std::int64_t b, T* a) {
  for (std::int64_t i = 0; i < b; ++i) {
    a[i * b + i] = diagonal;
    for (std::int64_t j = i + 1; j < b; ++j) {
      const T value = *q++;
      a[i * b + j] = value;
      a[j * b + i] = -value;
    }
  }
}

template <typename T>
T sum_of_squares(const T* q, std::int64_t count) {
  T sum = 0;
  for (std::int64_t t = 0; t < count; ++t) sum += q[t] * q[t];
  return sum;
}

}  // namespace

template <typename T>
void cayley_scalar(const T* q, T* r, std::int64_t blocks, std::int64_t b, T*) {
  const std::int64_t parameters = b * (b - 1) / 2;
  for (std::int64_t block = 0; block < blocks; ++block, q += parameters, r += b * b) {
    const T less = is_near_identity(sum_of_squares(q, parameters), b) ? 1 : 0;
    load_skew(q, 1 - less, b, r);
    invert(r, b, less);
    for (std::int64_t t = 0; t < b * b; ++t) r[t] *= 2;
    for (std::int64_t i = 0; i < b; ++i) r[i * b + i] += 2 * less - 1;
  }
}

template <typename T>
void cayley_neumann_scalar(const T* q, T* r, std::int64_t blocks, std::int64_t b,
                           std::int64_t terms, bool legacy, T* scratch) {
  const Series<T> series(terms, legacy);
  T* skew = scratch;
  T* sum = skew + b * b;
  for (std::int64_t block = 0; block < blocks; ++block, q += b * (b - 1) / 2, r += b * b) {
    load_skew(q, T{0}, b, skew);
    // Horner's rule: R = Q sum + c I, from the highest power down.
    for (std::int64_t t = 0; t < b * b; ++t) r[t] = 0;
    for (std::int64_t power = series.degree; power >= 0; --power) {
      const T coefficient = series.coefficient(power);
      for (std::int64_t t = 0; t < b * b; ++t) {
        sum[t] = r[t];
        r[t] = 0;
      }
      for (std::int64_t i = 0; i < b; ++i) {
        for (std::int64_t t = 0; t < b; ++t) {
          for (std::int64_t j = 0; j < b; ++j) r[i * b + j] += skew[i * b + t] * sum[t * b + j];
        }
        r[i * b + i] += coefficient;
      }
    }
  }
}

template void cayley_scalar(const float*, float*, std::int64_t, std::int64_t, float*);
template void cayley_scalar(const double*, double*, std::int64_t, std::int64_t, double*);
template void cayley_neumann_scalar(const float*, float*, std::int64_t, std::int64_t, std::int64_t,
                                    bool, float*);
template void cayley_neumann_scalar(const double*, double*, std::int64_t, std::int64_t,
                                    std::int64_t, bool, double*);

}  // namespace oft::kernels
