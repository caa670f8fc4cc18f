#ifndef OFT_KERNELS_CPU_SKEW_SIMD_H
#define OFT_KERNELS_CPU_SKEW_SIMD_H

#include <cstdint>

#include "lanes_simd.h"
#include "product_simd.h"
#include "skew_cpu.h"

// Skew-symmetric matrices over `Simd<T>`, square by square of kLanes. Working matrices have rows of
// `columns` elements, whole vectors, zero from b on, that start `stride` elements apart.
namespace oft::kernels {
namespace {

template <typename T>
struct Layout {
  static constexpr std::int64_t kLanes = Simd<T>::kLanes;

  std::int64_t b;
  std::int64_t columns;
  std::int64_t stride;

  explicit Layout(std::int64_t size)
      : b(size), columns((size + kLanes - 1) / kLanes * kLanes), stride(columns) {
    // Rows a power of two apart would share few sets of the cache.
    if (columns % 128 == 0) stride += kLanes;
  }
  Layout(std::int64_t size, std::int64_t row_stride) : Layout(size) { stride = row_stride; }
};

/// Calls visit(i, j) for the place of every vector.
template <typename T, typename Visit>
void for_each_vector(const Layout<T>& at, Visit visit) {
  for (std::int64_t i = 0; i < at.b; ++i) {
    for (std::int64_t j = 0; j < at.columns; j += Simd<T>::kLanes) visit(i, j);
  }
}

inline std::int64_t at_most(std::int64_t value, std::int64_t limit) {
  return value < limit ? value : limit;
}

/// Where the packed element (i, 0) would be: that of (i, j), j > i, is j further.
inline std::int64_t packed_row(std::int64_t i, std::int64_t b) {
  return i * b - i * (i + 1) / 2 - i - 1;
}

/// Row i of Q from column j0 on, its elements above the diagonal; zeros elsewhere.
template <typename T>
typename Simd<T>::Vec load_upper(const T* q, std::int64_t b, std::int64_t i, std::int64_t j0) {
  using S = Simd<T>;
  const std::int64_t first = i + 1 - j0 < 0 ? 0 : at_most(i + 1 - j0, S::kLanes);
  return S::load_between(q + packed_row(i, b) + j0, first, at_most(b - j0, S::kLanes));
}

/// Calls store(i, j, v) for every vector of Q + diagonal I, i < b.
template <typename T, typename Store>
void for_each_skew(const T* q, T diagonal, std::int64_t b, Store store) {
  using S = Simd<T>;
  constexpr std::int64_t kLanes = S::kLanes;
  for (std::int64_t i0 = 0; i0 < b; i0 += kLanes) {
    const std::int64_t rows = at_most(b - i0, kLanes);
    for (std::int64_t j0 = i0; j0 < b; j0 += kLanes) {
      typename S::Vec upper[kLanes];
      typename S::Vec lower[kLanes];
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) {
        upper[r] = r < rows ? load_upper(q, b, i0 + r, j0) : S::zero();
        lower[r] = S::multiply(S::set(-1), upper[r]);
      }
      transpose<T>(lower);
      const std::int64_t lower_rows = at_most(b - j0, kLanes);
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) {
        if (i0 == j0) {
          const auto both = S::add(upper[r], lower[r]);
          if (r < rows) store(i0 + r, j0, S::add(both, S::unit(r, diagonal)));
        } else {
          if (r < rows) store(i0 + r, j0, upper[r]);
          if (r < lower_rows) store(j0 + r, i0, lower[r]);
        }
      }
    }
  }
}

/// a = Q + diagonal I
template <typename T>
void load_skew(const T* q, T diagonal, const Layout<T>& at, T* a) {
  for_each_skew(q, diagonal, at.b, [&](std::int64_t i, std::int64_t j, typename Simd<T>::Vec v) {
    Simd<T>::store(a + i * at.stride + j, v);
  });
}

template <typename T>
void unpack_skew_simd(const T* q, T* skew, std::int64_t blocks, std::int64_t b) {
  for (std::int64_t block = 0; block < blocks; ++block, q += b * (b - 1) / 2, skew += b * b) {
    for_each_skew(q, T{0}, b, [&](std::int64_t i, std::int64_t j, typename Simd<T>::Vec v) {
      store_up_to<T>(skew + i * b + j, v, b - j);
    });
  }
}

/// q = factor (x - x^T), the elements above its diagonal.
template <typename T>
void store_skew_part(const T* x, T factor, const Layout<T>& at, T* q) {
  using S = Simd<T>;
  constexpr std::int64_t kLanes = S::kLanes;
  for (std::int64_t i0 = 0; i0 < at.b; i0 += kLanes) {
    const std::int64_t rows = at_most(at.b - i0, kLanes);
    for (std::int64_t j0 = i0; j0 < at.b; j0 += kLanes) {
      const std::int64_t columns = at_most(at.b - j0, kLanes);
      typename S::Vec lower[kLanes];
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) {
        lower[r] = r < columns ? S::load(x + (j0 + r) * at.stride + i0) : S::zero();
      }
      transpose<T>(lower);
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) {
        if (r >= rows) break;
        const auto upper = S::load(x + (i0 + r) * at.stride + j0);
        const auto difference = S::multiply_add(S::set(-1), lower[r], upper);
        S::store_between(q + packed_row(i0 + r, at.b) + j0, S::multiply(S::set(factor), difference),
                         i0 == j0 ? r + 1 : 0, columns);
      }
    }
  }
}

/// Copies what is above the diagonal, square by square, to below it.
template <typename T>
void mirror(const Layout<T>& at, T* a) {
  using S = Simd<T>;
  constexpr std::int64_t kLanes = S::kLanes;
  for (std::int64_t i0 = 0; i0 < at.b; i0 += kLanes) {
    for (std::int64_t j0 = i0 + kLanes; j0 < at.b; j0 += kLanes) {
      typename S::Vec rows[kLanes];
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) rows[r] = S::load(a + (i0 + r) * at.stride + j0);
      transpose<T>(rows);
      const std::int64_t lower_rows = at_most(at.b - j0, kLanes);
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) {
        if (r < lower_rows) S::store(a + (j0 + r) * at.stride + i0, rows[r]);
      }
    }
  }
}

/// to = Q^2, which is symmetric: what is above the diagonal, then its mirror image.
template <typename T>
void square_skew(const Layout<T>& at, const T* skew, T* to, T* strip) {
  using S = Simd<T>;
  constexpr std::int64_t kWidth = 2 * S::kLanes;
  for (std::int64_t j = 0; j < at.b; j += kWidth) {
    const std::int64_t rows = at_most(j + kWidth, at.b);
    const auto store = [&](std::int64_t i, std::int64_t c, typename S::Vec v) {
      S::store(to + i * at.stride + j + c, v);
    };
    product(skew, at.stride, rows, skew + j, at.stride, at.b, at_most(kWidth, at.columns - j),
            strip, store);
  }
  mirror(at, to);
}

/// a += a^T
template <typename T>
void add_transposed(const Layout<T>& at, T* a) {
  using S = Simd<T>;
  constexpr std::int64_t kLanes = S::kLanes;
  for (std::int64_t i0 = 0; i0 < at.b; i0 += kLanes) {
    const std::int64_t rows = at_most(at.b - i0, kLanes);
    for (std::int64_t j0 = i0; j0 < at.b; j0 += kLanes) {
      const std::int64_t lower_rows = at_most(at.b - j0, kLanes);
      typename S::Vec sums[kLanes];
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) {
        sums[r] = r < lower_rows ? S::load(a + (j0 + r) * at.stride + i0) : S::zero();
      }
      transpose<T>(sums);
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) {
        if (r >= rows) break;
        T* p = a + (i0 + r) * at.stride + j0;
        sums[r] = S::add(sums[r], S::load(p));
        S::store(p, sums[r]);
      }
    }
  }
  mirror(at, a);
}

/// t = x^T + diagonal I for x, b x b without padding, widened.
template <typename X, typename T>
void load_transposed(const X* x, T diagonal, const Layout<T>& at, T* t) {
  using S = Simd<T>;
  constexpr std::int64_t kLanes = S::kLanes;
  for (std::int64_t i0 = 0; i0 < at.b; i0 += kLanes) {
    for (std::int64_t j0 = 0; j0 < at.b; j0 += kLanes) {
      typename S::Vec rows[kLanes];
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) {
        rows[r] = i0 + r < at.b ? load_up_to<T>(x + (i0 + r) * at.b + j0, at.b - j0) : S::zero();
      }
      transpose<T>(rows);
      const std::int64_t count = at_most(at.b - j0, kLanes);
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) {
        if (r >= count) break;
        const auto unit = S::unit(i0 == j0 ? r : -1, diagonal);
        S::store(t + (j0 + r) * at.stride + i0, S::add(rows[r], unit));
      }
    }
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
