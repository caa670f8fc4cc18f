#ifndef OFT_KERNELS_CPU_LANES_SIMD_H
#define OFT_KERNELS_CPU_LANES_SIMD_H

#include <cstdint>

#include OFT_SIMD  // the including unit's choice: simd_avx2.h or simd_avx512.h

// What moves between the lanes of `Simd<T>`, by shuffles known at compile time.
namespace oft::kernels {
namespace {

template <int... kLane>
struct LaneNumbers {};

template <std::int64_t kLanes>
struct AllLanes;
template <>
struct AllLanes<2> {
  using type = LaneNumbers<0, 1>;
};
template <>
struct AllLanes<4> {
  using type = LaneNumbers<0, 1, 2, 3>;
};
template <>
struct AllLanes<8> {
  using type = LaneNumbers<0, 1, 2, 3, 4, 5, 6, 7>;
};
template <>
struct AllLanes<16> {
  using type = LaneNumbers<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15>;
};

template <typename T>
using LanesOf = typename AllLanes<Simd<T>::kLanes>::type;

template <int K, typename Vec, int... L>
[[gnu::always_inline]] inline Vec spread(Vec v, LaneNumbers<L...>) {
  return __builtin_shufflevector(v, v, (K + 0 * L)...);
}

/// Lane K of v in all lanes.
template <typename T, int K>
[[gnu::always_inline]] inline typename Simd<T>::Vec spread(typename Simd<T>::Vec v) {
  return spread<K>(v, LanesOf<T>{});
}

template <int K, typename Vec, int... L>
[[gnu::always_inline]] inline Vec replace(Vec v, Vec other, LaneNumbers<L...>) {
  return __builtin_shufflevector(v, other, (L == K ? static_cast<int>(sizeof...(L)) + L : L)...);
}

/// v, but lane K of `other`.
template <typename T, int K>
[[gnu::always_inline]] inline typename Simd<T>::Vec replace(typename Simd<T>::Vec v,
                                                            typename Simd<T>::Vec other) {
  return replace<K>(v, other, LanesOf<T>{});
}

/// Swaps the lanes of a that have bit D set with those of b that have not.
template <int D, typename Vec, int... L>
[[gnu::always_inline]] inline void swap_lanes(Vec& a, Vec& b, LaneNumbers<L...>) {
  constexpr int n = sizeof...(L);
  const Vec first = __builtin_shufflevector(a, b, ((L & D) != 0 ? n + (L ^ D) : L)...);
  b = __builtin_shufflevector(a, b, ((L & D) != 0 ? n + L : (L ^ D))...);
  a = first;
}

/// Transposes a square of kLanes vectors, swapping ever smaller quarters.
template <typename T, int D = Simd<T>::kLanes / 2>
[[gnu::always_inline]] inline void transpose(typename Simd<T>::Vec* rows) {
  if constexpr (D > 0) {
#pragma GCC unroll 16
    for (int r = 0; r < Simd<T>::kLanes; ++r) {
      if ((r & D) == 0) swap_lanes<D>(rows[r], rows[r + D], LanesOf<T>{});
    }
    transpose<T, D / 2>(rows);
  }
}

template <typename T>
T sum_of_lanes(typename Simd<T>::Vec v) {
  T lanes[Simd<T>::kLanes];
  Simd<T>::store(lanes, v);
  T sum = 0;
  for (const T lane : lanes) sum += lane;
  return sum;
}

}  // namespace
}  // namespace oft::kernels

#endif
