#ifndef OFT_KERNELS_CPU_CAYLEY_SIMD_H
#define OFT_KERNELS_CPU_CAYLEY_SIMD_H

#include <cstdint>

#include "cayley_cpu.h"
#include "product_simd.h"

// The Cayley transform and its series over `Simd<T>`. Working matrices have rows of `columns`
// elements, whole vectors, zero from b on, that start `stride` elements apart.
namespace oft::kernels {
namespace {

template <typename T>
struct Layout {
  static constexpr std::int64_t kLanes = Simd<T>::kLanes;
  static constexpr std::int64_t kPanel = 2 * kLanes;

  std::int64_t b;
  std::int64_t columns;
  std::int64_t stride;

  explicit Layout(std::int64_t size)
      : b(size), columns((size + kLanes - 1) / kLanes * kLanes), stride(columns) {
    // Rows a power of two apart would share few sets of the cache.
    if (columns % 128 == 0) stride += kLanes;
  }
};

/// a = Q + diagonal I
template <typename T>
void load_skew(const T* q, T diagonal, const Layout<T>& at, T* a) {
  for (std::int64_t i = 0; i < at.b; ++i) {
    T* row = a + i * at.stride;
    row[i] = diagonal;
    for (std::int64_t j = i + 1; j < at.b; ++j) {
      const T value = *q++;
      row[j] = value;
      a[j * at.stride + i] = -value;
    }
    for (std::int64_t j = at.b; j < at.columns; ++j) row[j] = 0;
  }
}

template <typename T>
T sum_of_squares(const T* q, std::int64_t count) {
  using S = Simd<T>;
  auto sums = S::zero();
  for (std::int64_t t = 0; t < count; t += S::kLanes) {
    const auto v = load_up_to<T>(q + t, count - t);
    sums = S::multiply_add(v, v, sums);
  }
  T lanes[S::kLanes];
  S::store(lanes, sums);
  T sum = 0;
  for (const T lane : lanes) sum += lane;
  return sum;
}

// Gauss-Jordan elimination turns A into its inverse in place. With `less` = 1, not 0, both are
// stored less I: differences from the identity then keep all their digits.

/// Inverts n x n elements, n at most C vectors.
template <int C, typename T>
void invert_tile(T* a, std::int64_t stride, std::int64_t n, T less) {
  using S = Simd<T>;
  for (std::int64_t k = 0; k < n; ++k) {
    T* pivot_row = a + k * stride;
    const T reciprocal = 1 / (less + pivot_row[k]);
    const T inverse = less == 0 ? reciprocal : -pivot_row[k] * reciprocal;  // reciprocal - less
    typename S::Vec pivot[C];
#pragma GCC unroll 2
    for (int c = 0; c < C; ++c) {
      T* p = pivot_row + c * S::kLanes;
      const auto scaled = S::multiply(S::load(p), S::set(reciprocal));
      pivot[c] = S::with(scaled, k - c * S::kLanes, inverse);
      S::store(p, pivot[c]);
    }
    const auto eliminate = [&](std::int64_t i) {
      T* row = a + i * stride;
      const T factor = -row[k];
      const T start = less * factor;
#pragma GCC unroll 2
      for (int c = 0; c < C; ++c) {
        T* p = row + c * S::kLanes;
        const auto others = S::with(S::load(p), k - c * S::kLanes, start);
        S::store(p, S::multiply_add(S::set(factor), pivot[c], others));
      }
    };
    for (std::int64_t i = k + 1; i < n; ++i) eliminate(i);
    for (std::int64_t i = 0; i < k; ++i) eliminate(i);
  }
}

/// Inverts panel by panel: for the rows and columns K of a panel and all other ones i and j,
///     a[K,j] = D a[K,j],   a[K,K] = D,   a[i,j] -= a[i,K] a[K,j],   a[i,K] = -a[i,K] D
/// with D the inverse of a[K,K]. `rows` is room for the rows K, `factors` for -a[i,K].
template <typename T>
void invert(const Layout<T>& at, T* a, T less, T* rows, T* factors) {
  using S = Simd<T>;
  using Vec = typename S::Vec;
  constexpr std::int64_t kPanel = Layout<T>::kPanel;
  T* const no_strip = nullptr;  // `product` copies nothing of so little depth
  const std::int64_t stride = at.stride;
  for (std::int64_t k = 0; k < at.b; k += kPanel) {
    const std::int64_t n = at.b - k < kPanel ? at.b - k : kPanel;
    const std::int64_t end = k + n;
    T* panel = a + k * stride;
    if (n > S::kLanes) {
      invert_tile<2>(panel + k, stride, n, less);
    } else {
      invert_tile<1>(panel + k, stride, n, less);
    }
    if (at.b <= kPanel) return;

    const auto multiply_rows = [&](std::int64_t first, std::int64_t last) {
      product(panel + k, stride, n, panel + first, stride, n, last - first, no_strip,
              [&](std::int64_t i, std::int64_t j, Vec v) {
                const std::int64_t t = i * stride + first + j;
                S::store(rows + t, S::multiply_add(S::set(less), S::load(panel + t), v));
              });
    };
    multiply_rows(0, k);
    if (end < at.b) multiply_rows(end, at.columns);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = k; j < end; j += S::kLanes) {
        S::store(rows + i * stride + j, S::load(panel + i * stride + j));
      }
    }

    const auto eliminate = [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        for (std::int64_t j = 0; j < n; j += S::kLanes) {
          T* p = a + i * stride + k + j;
          const Vec factor = S::multiply(S::set(-1), S::load(p));
          S::store(factors + i * kPanel + j, factor);
          S::store(p, S::multiply(S::set(less), factor));
        }
      }
      product(factors + first * kPanel, kPanel, last - first, rows, stride, n, at.columns, no_strip,
              [&](std::int64_t i, std::int64_t j, Vec v) {
                T* p = a + (first + i) * stride + j;
                S::store(p, S::add(S::load(p), v));
              });
    };
    eliminate(0, k);
    eliminate(end, at.b);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < at.columns; j += S::kLanes) {
        S::store(panel + i * stride + j, S::load(rows + i * stride + j));
      }
    }
  }
}

template <typename T>
void cayley_simd(const T* q, T* r, std::int64_t blocks, std::int64_t b, T* scratch) {
  using S = Simd<T>;
  const Layout<T> at(b);
  const std::int64_t parameters = b * (b - 1) / 2;
  T* a = scratch;
  T* rows = a + b * at.stride;
  T* factors = rows + Layout<T>::kPanel * at.stride;
  for (std::int64_t block = 0; block < blocks; ++block, q += parameters, r += b * b) {
    const T less = is_near_identity(sum_of_squares(q, parameters), b) ? 1 : 0;
    load_skew(q, 1 - less, at, a);
    invert(at, a, less, rows, factors);
    for (std::int64_t i = 0; i < b; ++i) {
      for (std::int64_t j = 0; j < b; j += S::kLanes) {
        const auto value = S::multiply_add(S::set(2), S::load(a + i * at.stride + j),
                                           S::unit(i - j, 2 * less - 1));
        store_up_to<T>(r + i * b + j, value, b - j);
      }
    }
  }
}

/// Horner's rule in Q^2, which takes half the products of that in Q: with pairs of coefficients
/// c[2i] I + c[2i+1] Q, P = Q^2 P + pair from the highest down.
template <typename T>
void cayley_neumann_simd(const T* q, T* r, std::int64_t blocks, std::int64_t b, std::int64_t terms,
                         bool legacy, T* scratch) {
  using S = Simd<T>;
  using Vec = typename S::Vec;
  const Layout<T> at(b);
  const std::int64_t degree = !legacy && terms == 3 ? 3 : terms < 1 ? 0 : terms - 1;
  const T last = legacy || degree == 1 ? 2 : 1;
  const auto coefficient = [&](std::int64_t power) -> T {
    return power > degree ? 0 : power == 0 ? 1 : power == degree ? last : 2;
  };
  T* skew = scratch;
  T* square = skew + b * at.stride;
  T* sum = square + b * at.stride;
  T* next = sum + b * at.stride;
  T* strip = next + b * at.stride;

  for (std::int64_t block = 0; block < blocks; ++block, q += b * (b - 1) / 2, r += b * b) {
    load_skew(q, T{0}, at, skew);
    // v + c[2i] I + c[2i+1] Q, the last one to R.
    const auto add_pair = [&](std::int64_t power, T* to) {
      const T even = coefficient(power);
      const T odd = coefficient(power + 1);
      return [=](std::int64_t i, std::int64_t j, Vec v) {
        const Vec pair =
            S::multiply_add(S::set(odd), S::load(skew + i * at.stride + j), S::unit(i - j, even));
        const Vec value = S::add(v, pair);
        if (power == 0) {
          store_up_to<T>(r + i * b + j, value, b - j);
        } else {
          S::store(to + i * at.stride + j, value);
        }
      };
    };
    const auto multiply = [&](const T* left, const T* right, auto store) {
      product(left, at.stride, b, right, at.stride, b, at.columns, strip, store);
    };

    if (degree >= 2) {
      multiply(skew, skew, [&](std::int64_t i, std::int64_t j, Vec v) {
        S::store(square + i * at.stride + j, v);
      });
    }
    // The highest pair is a multiple of I where the degree is even: no product for that one.
    const bool even = degree >= 2 && degree % 2 == 0;
    std::int64_t power = even ? degree - 2 : degree / 2 * 2;
    const auto start = add_pair(power, sum);
    for (std::int64_t i = 0; i < b; ++i) {
      for (std::int64_t j = 0; j < at.columns; j += S::kLanes) {
        const Vec highest =
            even ? S::multiply(S::set(last), S::load(square + i * at.stride + j)) : S::zero();
        start(i, j, highest);
      }
    }
    while (power > 0) {
      power -= 2;
      multiply(square, sum, add_pair(power, next));
      T* free = sum;
      sum = next;
      next = free;
    }
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
