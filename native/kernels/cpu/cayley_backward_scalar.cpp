#include <cstdint>

#include "cayley_backward_cpu.h"

// Plain C++: the fallback, and the reference for the other sets.
namespace oft::kernels {
namespace {

/// q = factor (x - x^T), the elements above its diagonal.
template <typename T>
void store_skew_part(const T* x, T factor, std::int64_t b, T* q) {
  for (std::int64_t i = 0; i < b; ++i) {
    for (std::int64_t j = i + 1; j < b; ++j) *q++ = factor * (x[i * b + j] - x[j * b + i]);
  }
}

/// product = left right
template <typename T>
void multiply(const T* left, const T* right, std::int64_t b, T* product) {
  for (std::int64_t i = 0; i < b; ++i) {
    for (std::int64_t j = 0; j < b; ++j) product[i * b + j] = 0;
    for (std::int64_t t = 0; t < b; ++t) {
      for (std::int64_t j = 0; j < b; ++j) {
        product[i * b + j] += left[i * b + t] * right[t * b + j];
      }
    }
  }
}

}  // namespace

template <typename T>
void cayley_backward_scalar(const T* r, const T* r_grad, T* q_grad, std::int64_t blocks,
                            std::int64_t b, T* scratch) {
  T* twice = scratch;  // 2 A^T
  T* left = twice + b * b;
  T* both = left + b * b;
  for (std::int64_t block = 0; block < blocks; ++block) {
    for (std::int64_t i = 0; i < b; ++i) {
      for (std::int64_t j = 0; j < b; ++j) twice[j * b + i] = r[i * b + j] + T(i == j);
    }
    multiply(twice, r_grad, b, left);
    multiply(left, twice, b, both);
    store_skew_part(both, T(-0.5), b, q_grad);
    r += b * b;
    r_grad += b * b;
    q_grad += b * (b - 1) / 2;
  }
}

/// With N = Q^T and X[m] the sum of N^k G N^l over k + l + 1 = m, which is dL/dQ of Q^m:
///     X[1] = G,   X[m+1] = N X[m] + G N^m
template <typename T>
void cayley_neumann_backward_scalar(const T* q, const T* r_grad, T* q_grad, std::int64_t blocks,
                                    std::int64_t b, std::int64_t terms, bool legacy, T* scratch) {
  const Series<T> series(terms, legacy);
  const std::int64_t size = b * b;
  T* transposed = scratch;
  T* power = transposed + size;  // G N^m
  T* x = power + size;
  T* sum = x + size;
  T* next = sum + size;
  for (std::int64_t block = 0; block < blocks; ++block) {
    for (std::int64_t i = 0; i < b; ++i) {
      transposed[i * b + i] = 0;
      for (std::int64_t j = i + 1; j < b; ++j) {
        const T value = *q++;
        transposed[j * b + i] = value;
        transposed[i * b + j] = -value;
      }
    }
    for (std::int64_t t = 0; t < size; ++t) {
      power[t] = x[t] = r_grad[t];
      sum[t] = series.coefficient(1) * r_grad[t];
    }
    for (std::int64_t m = 2; m <= series.degree; ++m) {
      multiply(power, transposed, b, next);
      for (std::int64_t t = 0; t < size; ++t) power[t] = next[t];
      multiply(transposed, x, b, next);
      for (std::int64_t t = 0; t < size; ++t) {
        x[t] = next[t] + power[t];
        sum[t] += series.coefficient(m) * x[t];
      }
    }
    store_skew_part(sum, T{1}, b, q_grad);
    r_grad += size;
    q_grad += b * (b - 1) / 2;
  }
}

template void cayley_backward_scalar(const float*, const float*, float*, std::int64_t, std::int64_t,
                                     float*);
template void cayley_backward_scalar(const double*, const double*, double*, std::int64_t,
                                     std::int64_t, double*);
template void cayley_neumann_backward_scalar(const float*, const float*, float*, std::int64_t,
                                             std::int64_t, std::int64_t, bool, float*);
template void cayley_neumann_backward_scalar(const double*, const double*, double*, std::int64_t,
                                             std::int64_t, std::int64_t, bool, double*);

}  // namespace oft::kernels
