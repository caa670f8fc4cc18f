#ifndef OFT_KERNELS_CPU_SKEW_SIMD_H
#define OFT_KERNELS_CPU_SKEW_SIMD_H

#include <cstdint>

#include "lanes_simd.h"
#include "product_simd.h"
#include "skew_cpu.h"

// Skew-symmetric matrices over `Simd<T>`, square by square of kLanes. Working matrices have rows of
// `columns` elements, whole vectors, zero from b on. Where element (i, j) is says `at`: a Layout,
// or the Panels of panels_simd.h.
namespace oft::kernels {
namespace {

/// Row after row, `stride` elements apart.
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

  std::int64_t place(std::int64_t i, std::int64_t j) const { return i * stride + j; }
};

/// Calls visit(i, j) for the place of every vector.
template <typename At, typename Visit>
void for_each_vector(const At& at, Visit visit) {
  for (std::int64_t i = 0; i < at.b; ++i) {
    for (std::int64_t j = 0; j < at.columns; j += At::kLanes) visit(i, j);
  }
}

inline std::int64_t at_most(std::int64_t value, std::int64_t limit) {
  return value < limit ? value : limit;
}

/// Where the packed element (i, 0) would be: that of (i, j), j > i, is j further.
inline std::int64_t packed_row(std::int64_t i, std::int64_t b) {
  return i * b - i * (i + 1) / 2 - i - 1;
}

/// The square of Q + diagonal I at (i0, j0), i0 <= j0, and its mirror image: store(i, j, v) gets
/// those of their vectors whose row is below b. kFull: neither reaches beyond b.
template <bool kDiagonal, bool kFull, typename T, typename Store>
[[gnu::always_inline]] inline void skew_squares(const T* q, T diagonal, std::int64_t b,
                                                std::int64_t i0, std::int64_t j0, Store store) {
  using S = Simd<T>;
  constexpr std::int64_t kLanes = S::kLanes;
  const std::int64_t upper_rows = kFull ? kLanes : at_most(b - i0, kLanes);
  const std::int64_t lower_rows = kFull ? kLanes : at_most(b - j0, kLanes);
  const T* first = q + packed_row(i0, b) + j0;
  const auto load = [&](std::int64_t k) {
    const T* p = first + k * (b - i0 - 2) - k * (k - 1) / 2;
    if (k >= upper_rows) return S::zero();
    return S::load_between(p, kDiagonal ? at_most(k + 1, lower_rows) : 0, lower_rows);
  };
  typename S::Vec lower[kLanes];
#pragma GCC unroll 16
  for (std::int64_t k = 0; k < kLanes; ++k) {
    const auto v = load(k);
    if (!kDiagonal && k < upper_rows) store(i0 + k, j0, v);
    lower[k] = S::multiply(S::set(-1), v);
  }
  transpose<T>(lower);
#pragma GCC unroll 16
  for (std::int64_t k = 0; k < kLanes; ++k) {
    if (k >= lower_rows) break;
    if (kDiagonal) lower[k] = S::add(S::add(load(k), lower[k]), S::unit(k, diagonal));
    store(j0 + k, i0, lower[k]);
  }
}

/// Calls store(i, j, v) for every vector of Q + diagonal I, i < b.
template <typename T, typename Store>
void for_each_skew(const T* q, T diagonal, std::int64_t b, Store store) {
  constexpr std::int64_t kLanes = Simd<T>::kLanes;
  for (std::int64_t i = 0; i < b; i += kLanes) {
    if (i + kLanes <= b) {
      skew_squares<true, true>(q, diagonal, b, i, i, store);
    } else {
      skew_squares<true, false>(q, diagonal, b, i, i, store);
    }
    for (std::int64_t j = i + kLanes; j < b; j += kLanes) {
      if (j + kLanes <= b) {
        skew_squares<false, true>(q, diagonal, b, i, j, store);
      } else {
        skew_squares<false, false>(q, diagonal, b, i, j, store);
      }
    }
  }
}

/// a = Q + diagonal I
template <typename T, typename At>
void load_skew(const T* q, T diagonal, const At& at, T* a) {
  for_each_skew(q, diagonal, at.b, [&](std::int64_t i, std::int64_t j, typename Simd<T>::Vec v) {
    Simd<T>::store(a + at.place(i, j), v);
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
template <typename T, typename At>
void store_skew_part(const T* x, T factor, const At& at, T* q) {
  using S = Simd<T>;
  constexpr std::int64_t kLanes = S::kLanes;
  for (std::int64_t i0 = 0; i0 < at.b; i0 += kLanes) {
    const std::int64_t rows = at_most(at.b - i0, kLanes);
    for (std::int64_t j0 = i0; j0 < at.b; j0 += kLanes) {
      const std::int64_t columns = at_most(at.b - j0, kLanes);
      typename S::Vec lower[kLanes];
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) {
        lower[r] = r < columns ? S::load(x + at.place(j0 + r, i0)) : S::zero();
      }
      transpose<T>(lower);
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) {
        if (r >= rows) break;
        const auto upper = S::load(x + at.place(i0 + r, j0));
        const auto difference = S::multiply_add(S::set(-1), lower[r], upper);
        S::store_between(q + packed_row(i0 + r, at.b) + j0, S::multiply(S::set(factor), difference),
                         i0 == j0 ? r + 1 : 0, columns);
      }
    }
  }
}

/// Copies what is above the diagonal, square by square, to below it.
template <typename T, typename At>
void mirror(const At& at, T* a) {
  using S = Simd<T>;
  constexpr std::int64_t kLanes = S::kLanes;
  for (std::int64_t i0 = 0; i0 < at.b; i0 += kLanes) {
    for (std::int64_t j0 = i0 + kLanes; j0 < at.b; j0 += kLanes) {
      typename S::Vec rows[kLanes];
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) rows[r] = S::load(a + at.place(i0 + r, j0));
      transpose<T>(rows);
      const std::int64_t lower_rows = at_most(at.b - j0, kLanes);
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) {
        if (r < lower_rows) S::store(a + at.place(j0 + r, i0), rows[r]);
      }
    }
  }
}

/// a += a^T
template <typename T, typename At>
void add_transposed(const At& at, T* a) {
  using S = Simd<T>;
  constexpr std::int64_t kLanes = S::kLanes;
  for (std::int64_t i0 = 0; i0 < at.b; i0 += kLanes) {
    const std::int64_t rows = at_most(at.b - i0, kLanes);
    for (std::int64_t j0 = i0; j0 < at.b; j0 += kLanes) {
      const std::int64_t lower_rows = at_most(at.b - j0, kLanes);
      typename S::Vec sums[kLanes];
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) {
        sums[r] = r < lower_rows ? S::load(a + at.place(j0 + r, i0)) : S::zero();
      }
      transpose<T>(sums);
#pragma GCC unroll 16
      for (std::int64_t r = 0; r < kLanes; ++r) {
        if (r >= rows) break;
        T* p = a + at.place(i0 + r, j0);
        sums[r] = S::add(sums[r], S::load(p));
        S::store(p, sums[r]);
      }
    }
  }
  mirror(at, a);
}

/// t = x^T + diagonal I for x, b x b without padding, widened.
template <typename X, typename T, typename At>
void load_transposed(const X* x, T diagonal, const At& at, T* t) {
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
        S::store(t + at.place(j0 + r, i0), S::add(rows[r], unit));
      }
    }
  }
}

}  // namespace
}  // namespace oft::kernels

#endif
