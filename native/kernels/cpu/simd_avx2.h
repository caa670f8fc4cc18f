#ifndef OFT_KERNELS_CPU_SIMD_AVX2_H
#define OFT_KERNELS_CPU_SIMD_AVX2_H

#include <immintrin.h>

#include <cstdint>

#include "../rotate_blocks.h"

// AVX2 + FMA + F16C as `Simd<T>`: what the *_simd.h algorithms are written in. Anonymous: each unit
// keeps its own copy, so the linker cannot hand this code to a weaker processor.
namespace oft::kernels {
namespace {

template <typename T>
struct Simd;

template <>
struct Simd<float> {
  using Vec = __m256;
  using Index = __m256i;
  static constexpr std::int64_t kLanes = 8;
  static constexpr int kTileRows = 6;  // 6 x 2 sums, 2 columns and a broadcast: 15 of 16 registers

  static Vec zero() { return _mm256_setzero_ps(); }
  static Vec broadcast(const float* p) { return _mm256_broadcast_ss(p); }
  static Vec set(float value) { return _mm256_set1_ps(value); }
  static Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
  static Vec multiply(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
  static Vec divide(Vec a, Vec b) { return _mm256_div_ps(a, b); }
  static Vec multiply_add(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }

  /// `value` in the lane named, 0 elsewhere; a lane outside the vector gives 0.
  static Vec unit(std::int64_t lane, float value) {
    return _mm256_and_ps(_mm256_castsi256_ps(at(lane)), _mm256_set1_ps(value));
  }
  /// v, but for `value` in the lane named.
  static Vec with(Vec v, std::int64_t lane, float value) {
    return _mm256_blendv_ps(v, _mm256_set1_ps(value), _mm256_castsi256_ps(at(lane)));
  }

  static Index index(const std::int32_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static Vec permute(Vec v, Index index) { return _mm256_permutevar8x32_ps(v, index); }

  static Vec load(const float* p) { return _mm256_loadu_ps(p); }
  static Vec load(const float* p, std::int64_t n) { return _mm256_maskload_ps(p, first(n)); }
  static void store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
  static void store(float* p, Vec v, std::int64_t n) { _mm256_maskstore_ps(p, first(n), v); }

  /// Lanes `from` to before `to`, both within 0 to kLanes; the others are 0, or left as they are.
  static Vec load_between(const float* p, std::int64_t from, std::int64_t to) {
    return _mm256_maskload_ps(p, _mm256_andnot_si256(first(from), first(to)));
  }
  static void store_between(float* p, Vec v, std::int64_t from, std::int64_t to) {
    _mm256_maskstore_ps(p, _mm256_andnot_si256(first(from), first(to)), v);
  }

  static Vec load(const Half* p) { return _mm256_cvtph_ps(load16(p)); }
  static Vec load(const Half* p, std::int64_t n) { return _mm256_cvtph_ps(load16(p, n)); }
  static void store(Half* p, Vec v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), half(v)); }
  static void store(Half* p, Vec v, std::int64_t n) { store16(p, half(v), n); }

  static Vec load(const BFloat16* p) { return widen(load16(p)); }
  static Vec load(const BFloat16* p, std::int64_t n) { return widen(load16(p, n)); }
  static void store(BFloat16* p, Vec v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bfloat16(v));
  }
  static void store(BFloat16* p, Vec v, std::int64_t n) { store16(p, bfloat16(v), n); }

 private:
  static __m256i lanes() { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
  static __m256i first(std::int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lanes());
  }
  static __m256i at(std::int64_t lane) {
    const bool inside = lane >= 0 && lane < kLanes;
    return _mm256_cmpeq_epi32(_mm256_set1_epi32(inside ? static_cast<int>(lane) : -1), lanes());
  }

  static __m128i load16(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
  // AVX2 masks no 16-bit lanes: the ends of rows go in pieces of four, two and one.
  static __m128i load16(const void* p, std::int64_t n) {
    const char* end = static_cast<const char*>(p) + 2 * n;
    __m128i bits = _mm_setzero_si128();
    if (n & 1) bits = _mm_loadu_si16(end -= 2);
    if (n & 2) bits = _mm_or_si128(_mm_slli_si128(bits, 4), _mm_loadu_si32(end -= 4));
    if (n & 4) bits = _mm_or_si128(_mm_slli_si128(bits, 8), _mm_loadu_si64(end -= 8));
    return bits;
  }
  static void store16(void* p, __m128i bits, std::int64_t n) {
    char* to = static_cast<char*>(p);
    if (n & 4) {
      _mm_storeu_si64(to, bits);
      to += 8;
      bits = _mm_srli_si128(bits, 8);
    }
    if (n & 2) {
      _mm_storeu_si32(to, bits);
      to += 4;
      bits = _mm_srli_si128(bits, 4);
    }
    if (n & 1) _mm_storeu_si16(to, bits);
  }

  static Vec widen(__m128i bits) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }

  static __m128i half(Vec v) {
    return _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }

  /// Rounds by integers, ties to even. A NaN keeps its sign and is quieted.
  static __m128i bfloat16(Vec v) {
    const __m256i bits = _mm256_castps_si256(v);
    const __m256i high = _mm256_srli_epi32(bits, 16);
    const __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
    const __m256i bias = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, bias), 16);
    const __m256i quiet = _mm256_or_si256(high, _mm256_set1_epi32(0x40));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    const __m256i words = _mm256_blendv_epi8(rounded, quiet, nan);
    return _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  }
};

template <>
struct Simd<double> {
  using Vec = __m256d;
  static constexpr std::int64_t kLanes = 4;
  static constexpr int kTileRows = 6;

  static Vec zero() { return _mm256_setzero_pd(); }
  static Vec broadcast(const double* p) { return _mm256_broadcast_sd(p); }
  static Vec set(double value) { return _mm256_set1_pd(value); }
  static Vec add(Vec a, Vec b) { return _mm256_add_pd(a, b); }
  static Vec multiply(Vec a, Vec b) { return _mm256_mul_pd(a, b); }
  static Vec divide(Vec a, Vec b) { return _mm256_div_pd(a, b); }
  static Vec multiply_add(Vec a, Vec b, Vec c) { return _mm256_fmadd_pd(a, b, c); }
  static Vec unit(std::int64_t lane, double value) {
    return _mm256_and_pd(_mm256_castsi256_pd(at(lane)), _mm256_set1_pd(value));
  }
  static Vec with(Vec v, std::int64_t lane, double value) {
    return _mm256_blendv_pd(v, _mm256_set1_pd(value), _mm256_castsi256_pd(at(lane)));
  }

  static Vec load(const double* p) { return _mm256_loadu_pd(p); }
  static Vec load(const double* p, std::int64_t n) { return _mm256_maskload_pd(p, first(n)); }
  static void store(double* p, Vec v) { _mm256_storeu_pd(p, v); }
  static void store(double* p, Vec v, std::int64_t n) { _mm256_maskstore_pd(p, first(n), v); }
  static Vec load_between(const double* p, std::int64_t from, std::int64_t to) {
    return _mm256_maskload_pd(p, _mm256_andnot_si256(first(from), first(to)));
  }
  static void store_between(double* p, Vec v, std::int64_t from, std::int64_t to) {
    _mm256_maskstore_pd(p, _mm256_andnot_si256(first(from), first(to)), v);
  }

  static Vec load(const float* p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
  static Vec load(const float* p, std::int64_t n) {
    return _mm256_cvtps_pd(_mm_maskload_ps(
        p, _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(n)), _mm_setr_epi32(0, 1, 2, 3))));
  }

 private:
  static __m256i lanes() { return _mm256_setr_epi64x(0, 1, 2, 3); }
  static __m256i first(std::int64_t n) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), lanes());
  }
  static __m256i at(std::int64_t lane) {
    return _mm256_cmpeq_epi64(_mm256_set1_epi64x(lane), lanes());
  }
};

}  // namespace
}  // namespace oft::kernels

#endif
