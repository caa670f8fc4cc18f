#ifndef OFT_KERNELS_CPU_CAYLEY_BACKWARD_SIMD_H
#define OFT_KERNELS_CPU_CAYLEY_BACKWARD_SIMD_H

#include <cstdint>

#include "cayley_backward_cpu.h"
#include "skew_simd.h"

// The gradients of the Cayley transform and its series over `Simd<T>`.
namespace oft::kernels {
namespace {

/// Stores a result as a working matrix.
template <typename T>
auto store_to(T* to, const Layout<T>& at) {
  return [to, stride = at.stride](std::int64_t i, std::int64_t j, typename Simd<T>::Vec v) {
    Simd<T>::store(to + i * stride + j, v);
  };
}

template <typename T>
void cayley_backward_simd(const T* r, const T* r_grad, T* q_grad, std::int64_t blocks,
                          std::int64_t b, T* scratch) {
  const Layout<T> at(b);
  T* twice = scratch;  // 2 A^T
  T* left = twice + b * at.stride;
  T* both = left + b * at.stride;
  T* strip = both + b * at.stride;
  for (std::int64_t block = 0; block < blocks; ++block) {
    load_transposed(r, T{1}, at, twice);
    product(r_grad, b, b, twice, at.stride, b, at.columns, strip, store_to(left, at));
    product(twice, at.stride, b, left, at.stride, b, at.columns, strip, store_to(both, at));
    store_skew_part(both, T(-0.5), at, q_grad);
    r += b * b;
    r_grad += b * b;
    q_grad += b * (b - 1) / 2;
  }
}

/// Horner's rule in P = Q^2 backwards. With
///     R = H[0],   H[j] = c[2j] I + c[2j+1] Q + P H[j+1],   the last one with c[2j+2] P,
/// it is, from dH[0] = G on,
///     dQ += c[2j+1] dH[j],   dP += dH[j] H[j+1]^T,   dH[j+1] = P dH[j],   as P is symmetric,
/// and at last dQ -= dP Q + Q dP, of which only what is antisymmetric counts: that of
/// (dP + dP^T) Q. The H are kept transposed: the same polynomials in -Q.
template <typename T>
void cayley_neumann_backward_simd(const T* q, const T* r_grad, T* q_grad, std::int64_t blocks,
                                  std::int64_t b, std::int64_t terms, bool legacy, T* scratch) {
  using S = Simd<T>;
  using Vec = typename S::Vec;
  const Layout<T> at(b);
  const Series<T> series(terms, legacy);
  const std::int64_t parameters = b * (b - 1) / 2;
  if (series.degree == 0) {
    for (std::int64_t t = 0; t < blocks * parameters; ++t) q_grad[t] = 0;
    return;
  }
  const std::int64_t last = series.pairs() - 1;
  const T single = series.ends_in_square() ? series.coefficient(series.degree) : 0;

  const std::int64_t size = b * at.stride;
  T* skew = scratch;
  T* square = skew + size;
  T* grad = square + size;  // dH[j], then dH[j+1] in `next`
  T* next = grad + size;
  T* skew_grad = next + size;
  T* square_grad = skew_grad + size;
  T* h = square_grad + size;  // H[j]^T at h + (j - 1) size
  T* strip = h + last * size;

  for (std::int64_t block = 0; block < blocks; ++block) {
    load_skew(q, T{0}, at, skew);
    if (last > 0) square_skew(at, skew, square, strip);
    for (std::int64_t j = last; j > 0; --j) {
      T* to = h + (j - 1) * size;
      const T even = series.coefficient(2 * j);
      const T odd = series.coefficient(2 * j + 1);
      const auto add_pair = [&](std::int64_t i, std::int64_t column, Vec v) {
        const std::int64_t t = i * at.stride + column;
        const Vec pair =
            S::multiply_add(S::set(-odd), S::load(skew + t), S::unit(i - column, even));
        S::store(to + t, S::add(v, pair));
      };
      if (j < last) {
        product(square, at.stride, b, to + size, at.stride, b, at.columns, strip, add_pair);
      } else {
        for_each_vector(at, [&](std::int64_t i, std::int64_t column) {
          add_pair(i, column,
                   S::multiply(S::set(single), S::load(square + i * at.stride + column)));
        });
      }
    }

    for (std::int64_t j = 0; j <= last; ++j) {
      const T odd = series.coefficient(2 * j + 1);
      const auto add = [&](T* sum, std::int64_t t, Vec v) {
        S::store(sum + t, j == 0 ? v : S::add(S::load(sum + t), v));
      };
      const auto take = [&](std::int64_t i, std::int64_t column, Vec v) {
        const std::int64_t t = i * at.stride + column;
        S::store(next + t, v);
        add(skew_grad, t, S::multiply(S::set(odd), v));
        if (j == last) add(square_grad, t, S::multiply(S::set(single), v));
      };
      if (j == 0) {
        for_each_vector(at, [&](std::int64_t i, std::int64_t column) {
          take(i, column, load_up_to<T>(r_grad + i * b + column, b - column));
        });
      } else {
        product(square, at.stride, b, grad, at.stride, b, at.columns, strip, take);
      }
      T* free = grad;
      grad = next;
      next = free;
      if (j < last) {
        product(grad, at.stride, b, h + j * size, at.stride, b, at.columns, strip,
                [&](std::int64_t i, std::int64_t column, Vec v) {
                  add(square_grad, i * at.stride + column, v);
                });
      }
    }

    if (series.degree > 1) {
      add_transposed(at, square_grad);
      product(square_grad, at.stride, b, skew, at.stride, b, at.columns, strip,
              [&](std::int64_t i, std::int64_t column, Vec v) {
                T* p = skew_grad + i * at.stride + column;
                S::store(p, S::multiply_add(S::set(-1), v, S::load(p)));
              });
    }
    store_skew_part(skew_grad, T{1}, at, q_grad);
    q += parameters;
    r_grad += b * b;
    q_grad += parameters;
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
