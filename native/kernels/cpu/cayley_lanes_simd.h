#ifndef OFT_KERNELS_CPU_CAYLEY_LANES_SIMD_H
#define OFT_KERNELS_CPU_CAYLEY_LANES_SIMD_H

#include <cstdint>

#include "cayley_cpu.h"
#include "skew_simd.h"

// The Cayley transform and its series of small blocks, a block to a lane of `Simd<T>`.
namespace oft::kernels {
namespace {

/// Largest b that goes by lanes.
template <typename T>
constexpr std::int64_t kLanesBlock = Simd<T>::kLanes / 2;

/// Element t of every block: from[k * size + t] for k < blocks becomes lane k of to + t * kLanes.
template <typename T>
void to_lanes(const T* from, std::int64_t size, std::int64_t blocks, T* to) {
  using S = Simd<T>;
  constexpr std::int64_t kLanes = S::kLanes;
  for (std::int64_t t0 = 0; t0 < size; t0 += kLanes) {
    typename S::Vec rows[kLanes];
#pragma GCC unroll 16
    for (std::int64_t k = 0; k < kLanes; ++k) {
      rows[k] = k < blocks ? load_up_to<T>(from + k * size + t0, size - t0) : S::zero();
    }
    transpose<T>(rows);
#pragma GCC unroll 16
    for (std::int64_t t = 0; t < kLanes; ++t) S::store(to + (t0 + t) * kLanes, rows[t]);
  }
}

/// The way back.
template <typename T>
void from_lanes(const T* from, std::int64_t size, std::int64_t blocks, T* to) {
  using S = Simd<T>;
  constexpr std::int64_t kLanes = S::kLanes;
  for (std::int64_t t0 = 0; t0 < size; t0 += kLanes) {
    typename S::Vec rows[kLanes];
#pragma GCC unroll 16
    for (std::int64_t t = 0; t < kLanes; ++t) {
      rows[t] = t0 + t < size ? S::load(from + (t0 + t) * kLanes) : S::zero();
    }
    transpose<T>(rows);
#pragma GCC unroll 16
    for (std::int64_t k = 0; k < kLanes; ++k) {
      if (k < blocks) store_up_to<T>(to + k * size + t0, rows[k], size - t0);
    }
  }
}

/// One block a lane: element (i, j) of all of them is a vector.
template <typename T>
class LaneMatrix {
 public:
  using S = Simd<T>;
  using Vec = typename S::Vec;

  LaneMatrix(T* data, std::int64_t b) : data_(data), b_(b) {}

  T* data() const { return data_; }
  Vec get(std::int64_t i, std::int64_t j) const { return S::load(place(i, j)); }
  void set(std::int64_t i, std::int64_t j, Vec v) const { S::store(place(i, j), v); }

  /// Q + diagonal I from parameters by lanes.
  void load_skew(const T* q, Vec diagonal) const {
    for (std::int64_t i = 0; i < b_; ++i) {
      set(i, i, diagonal);
      for (std::int64_t j = i + 1; j < b_; ++j, q += S::kLanes) {
        set(i, j, S::load(q));
        set(j, i, S::multiply(S::set(-1), S::load(q)));
      }
    }
  }

 private:
  T* place(std::int64_t i, std::int64_t j) const { return data_ + (i * b_ + j) * S::kLanes; }

  T* data_;
  std::int64_t b_;
};

/// As `invert_tile`, with a `less` for each lane.
template <typename T>
void invert_lanes(const LaneMatrix<T>& a, std::int64_t b, typename Simd<T>::Vec less) {
  using S = Simd<T>;
  using Vec = typename S::Vec;
  const Vec minus_less = S::multiply(S::set(-1), less);
  const Vec more = S::add(S::set(1), minus_less);
  for (std::int64_t k = 0; k < b; ++k) {
    const Vec pivot = a.get(k, k);
    const Vec reciprocal = S::divide(S::set(1), S::add(less, pivot));
    for (std::int64_t j = 0; j < b; ++j) a.set(k, j, S::multiply(a.get(k, j), reciprocal));
    // reciprocal - less
    a.set(k, k, S::multiply(S::multiply_add(minus_less, pivot, more), reciprocal));
    for (std::int64_t i = 0; i < b; ++i) {
      if (i == k) continue;
      const Vec minus_factor = S::multiply(S::set(-1), a.get(i, k));
      a.set(i, k, S::multiply(less, minus_factor));
      for (std::int64_t j = 0; j < b; ++j) {
        a.set(i, j, S::multiply_add(minus_factor, a.get(k, j), a.get(i, j)));
      }
    }
  }
}

/// Calls transform(lanes of q, R) for kLanes blocks at a time. R has room for b x b vectors.
template <typename T, typename Transform>
void by_lanes(const T* q, T* r, std::int64_t blocks, std::int64_t b, T* scratch,
              Transform transform) {
  constexpr std::int64_t kLanes = Simd<T>::kLanes;
  const std::int64_t parameters = b * (b - 1) / 2;
  T* lanes = scratch;
  const LaneMatrix<T> rotation(lanes + kLanesScratch, b);
  for (std::int64_t first = 0; first < blocks; first += kLanes) {
    const std::int64_t count = at_most(blocks - first, kLanes);
    to_lanes(q + first * parameters, parameters, count, lanes);
    transform(lanes, rotation);
    from_lanes(rotation.data(), b * b, count, r + first * b * b);
  }
}

template <typename T>
void cayley_lanes(const T* q, T* r, std::int64_t blocks, std::int64_t b, T* scratch) {
  using S = Simd<T>;
  const std::int64_t parameters = b * (b - 1) / 2;
  by_lanes(q, r, blocks, b, scratch, [&](const T* lanes, const LaneMatrix<T>& rotation) {
    auto squares = S::zero();
    for (std::int64_t t = 0; t < parameters; ++t) {
      const auto v = S::load(lanes + t * S::kLanes);
      squares = S::multiply_add(v, v, squares);
    }
    T less_of_lane[S::kLanes];
    S::store(less_of_lane, squares);
    for (T& value : less_of_lane) value = is_near_identity(value, b) ? 1 : 0;
    const auto less = S::load(less_of_lane);
    rotation.load_skew(lanes, S::multiply_add(S::set(-1), less, S::set(1)));
    invert_lanes(rotation, b, less);
    const auto diagonal = S::multiply_add(S::set(2), less, S::set(-1));
    for (std::int64_t i = 0; i < b; ++i) {
      for (std::int64_t j = 0; j < b; ++j) {
        const auto addend = i == j ? diagonal : S::zero();
        rotation.set(i, j, S::multiply_add(S::set(2), rotation.get(i, j), addend));
      }
    }
  });
}

/// Horner's rule in Q: products are too small here for the one in Q^2 to pay.
template <typename T>
void cayley_neumann_lanes(const T* q, T* r, std::int64_t blocks, std::int64_t b, std::int64_t terms,
                          bool legacy, T* scratch) {
  using S = Simd<T>;
  using Vec = typename S::Vec;
  const Series<T> series(terms, legacy);
  const LaneMatrix<T> skew(scratch + 2 * kLanesScratch, b);
  const LaneMatrix<T> sum(scratch + 3 * kLanesScratch, b);
  by_lanes(q, r, blocks, b, scratch, [&](const T* lanes, const LaneMatrix<T>& rotation) {
    skew.load_skew(lanes, S::zero());
    const std::int64_t start = series.degree > 0 ? series.degree - 1 : 0;
    for (std::int64_t power = start; power >= 0; --power) {
      const Vec diagonal = S::set(series.coefficient(power));
      const Vec odd = S::set(series.coefficient(power + 1));
      for (std::int64_t i = 0; i < b; ++i) {
        for (std::int64_t j = 0; j < b; ++j) {
          Vec v = i == j ? diagonal : S::zero();
          if (power == start) {
            v = S::multiply_add(odd, skew.get(i, j), v);
          } else {
            for (std::int64_t t = 0; t < b; ++t) {
              v = S::multiply_add(skew.get(i, t), sum.get(t, j), v);
            }
          }
          rotation.set(i, j, v);
        }
      }
      if (power == 0) break;
      for (std::int64_t t = 0; t < b * b * S::kLanes; t += S::kLanes) {
        S::store(sum.data() + t, S::load(rotation.data() + t));
      }
    }
  });
}

}  // namespace
}  // namespace oft::kernels

#endif
