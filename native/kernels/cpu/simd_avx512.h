#ifndef OFT_KERNELS_CPU_SIMD_AVX512_H
#define OFT_KERNELS_CPU_SIMD_AVX512_H

// GCC 12 takes the intrinsics' own undefined vectors for mistakes (its bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop

#include <cstdint>

#include "../rotate_blocks.h"

// AVX-512 F+BW+DQ+VL as `Simd<T>`: what the *_simd.h algorithms are written in. Anonymous: each
// unit keeps its own copy, so the linker cannot hand this code to a weaker processor.
namespace oft::kernels {
namespace {

template <typename T>
struct Simd;

template <>
struct Simd<float> {
  using Vec = __m512;
  using Index = __m512i;
  static constexpr std::int64_t kLanes = 16;
  static constexpr int kTileRows =
      12;  // 12 x 2 sums, 2 columns and a broadcast: 27 of 32 registers

  static Vec zero() { return _mm512_setzero_ps(); }
  static Vec broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static Vec set(float value) { return _mm512_set1_ps(value); }
  static Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  static Vec multiply(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
  static Vec divide(Vec a, Vec b) { return _mm512_div_ps(a, b); }
  static Vec multiply_add(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }

  /// `value` in the lane named, 0 elsewhere; a lane outside the vector gives 0.
  static Vec unit(std::int64_t lane, float value) {
    return _mm512_maskz_mov_ps(at(lane), _mm512_set1_ps(value));
  }
  /// v, but for `value` in the lane named.
  static Vec with(Vec v, std::int64_t lane, float value) {
    return _mm512_mask_mov_ps(v, at(lane), _mm512_set1_ps(value));
  }

  static Index index(const std::int32_t* p) { return _mm512_loadu_si512(p); }
  static Vec permute(Vec v, Index index) { return _mm512_permutexvar_ps(index, v); }

  static Vec load(const float* p) { return _mm512_loadu_ps(p); }
  static Vec load(const float* p, std::int64_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
  static void store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
  static void store(float* p, Vec v, std::int64_t n) { _mm512_mask_storeu_ps(p, first(n), v); }

  /// Lanes `from` to before `to`, both within 0 to kLanes; the others are 0, or left as they are.
  static Vec load_between(const float* p, std::int64_t from, std::int64_t to) {
    return _mm512_maskz_loadu_ps(between(from, to), p);
  }
  static void store_between(float* p, Vec v, std::int64_t from, std::int64_t to) {
    _mm512_mask_storeu_ps(p, between(from, to), v);
  }

  static Vec load(const Half* p) { return _mm512_cvtph_ps(load16(p)); }
  static Vec load(const Half* p, std::int64_t n) { return _mm512_cvtph_ps(load16(p, n)); }
  static void store(Half* p, Vec v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), half(v)); }
  static void store(Half* p, Vec v, std::int64_t n) {
    _mm256_mask_storeu_epi16(p, first(n), half(v));
  }

  static Vec load(const BFloat16* p) { return widen(load16(p)); }
  static Vec load(const BFloat16* p, std::int64_t n) { return widen(load16(p, n)); }
  static void store(BFloat16* p, Vec v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), bfloat16(v));
  }
  static void store(BFloat16* p, Vec v, std::int64_t n) {
    _mm256_mask_storeu_epi16(p, first(n), bfloat16(v));
  }

 private:
  static __mmask16 first(std::int64_t n) { return static_cast<__mmask16>((1u << n) - 1); }
  static __mmask16 between(std::int64_t from, std::int64_t to) {
    return static_cast<__mmask16>(first(to) & ~first(from));
  }
  static __mmask16 at(std::int64_t lane) {
    return static_cast<__mmask16>(lane >= 0 && lane < kLanes ? 1u << lane : 0u);
  }

  static __m256i load16(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
  }
  static __m256i load16(const void* p, std::int64_t n) {
    return _mm256_maskz_loadu_epi16(first(n), p);
  }

  static Vec widen(__m256i bits) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }

  static __m256i half(Vec v) {
    return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }

  /// Rounds by integers: vcvtneps2bf16 would flush denormals. A NaN keeps its sign and is quieted.
  static __m256i bfloat16(Vec v) {
    const __m512i bits = _mm512_castps_si512(v);
    const __m512i high = _mm512_srli_epi32(bits, 16);
    const __m512i odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
    const __m512i bias = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
    const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, bias), 16);
    const __m512i quiet = _mm512_or_si512(high, _mm512_set1_epi32(0x40));
    const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    return _mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(rounded, nan, quiet));
  }
};

template <>
struct Simd<double> {
  using Vec = __m512d;
  static constexpr std::int64_t kLanes = 8;
  static constexpr int kTileRows = 12;

  static Vec zero() { return _mm512_setzero_pd(); }
  static Vec broadcast(const double* p) { return _mm512_set1_pd(*p); }
  static Vec set(double value) { return _mm512_set1_pd(value); }
  static Vec add(Vec a, Vec b) { return _mm512_add_pd(a, b); }
  static Vec multiply(Vec a, Vec b) { return _mm512_mul_pd(a, b); }
  static Vec divide(Vec a, Vec b) { return _mm512_div_pd(a, b); }
  static Vec multiply_add(Vec a, Vec b, Vec c) { return _mm512_fmadd_pd(a, b, c); }
  static Vec unit(std::int64_t lane, double value) {
    return _mm512_maskz_mov_pd(at(lane), _mm512_set1_pd(value));
  }
  static Vec with(Vec v, std::int64_t lane, double value) {
    return _mm512_mask_mov_pd(v, at(lane), _mm512_set1_pd(value));
  }

  static Vec load(const double* p) { return _mm512_loadu_pd(p); }
  static Vec load(const double* p, std::int64_t n) { return _mm512_maskz_loadu_pd(first(n), p); }
  static void store(double* p, Vec v) { _mm512_storeu_pd(p, v); }
  static void store(double* p, Vec v, std::int64_t n) { _mm512_mask_storeu_pd(p, first(n), v); }
  static Vec load_between(const double* p, std::int64_t from, std::int64_t to) {
    return _mm512_maskz_loadu_pd(between(from, to), p);
  }
  static void store_between(double* p, Vec v, std::int64_t from, std::int64_t to) {
    _mm512_mask_storeu_pd(p, between(from, to), v);
  }

  static Vec load(const float* p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }
  static Vec load(const float* p, std::int64_t n) {
    return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(first(n), p));
  }

 private:
  static __mmask8 first(std::int64_t n) { return static_cast<__mmask8>((1u << n) - 1); }
  static __mmask8 between(std::int64_t from, std::int64_t to) {
    return static_cast<__mmask8>(first(to) & ~first(from));
  }
  static __mmask8 at(std::int64_t lane) {
    return static_cast<__mmask8>(lane >= 0 && lane < kLanes ? 1u << lane : 0u);
  }
};

}  // namespace
}  // namespace oft::kernels

#endif
