#ifndef OFT_KERNELS_CPU_ELEMENTS_SCALAR_H
#define OFT_KERNELS_CPU_ELEMENTS_SCALAR_H

#include <cstdint>
#include <cstring>

#include "rotate_blocks_cpu.h"

// Elements of every storage type in plain C++, wherever they lie: no alignment is asked for.
namespace oft::kernels {
namespace {

std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

float float_of(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

float widen(float value) { return value; }
double widen(double value) { return value; }
float widen(BFloat16 value) { return float_of(static_cast<std::uint32_t>(value.bits) << 16); }

float widen(Half value) {
  const std::uint32_t sign = (value.bits & 0x8000u) << 16;
  const std::uint32_t rest = value.bits & 0x7fffu;
  if (rest >= 0x7c00) return float_of(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  if (rest >= 0x0400) return float_of(sign | ((rest << 13) + (112u << 23)));
  const float subnormal = static_cast<float>(rest) * 0x1p-24f;
  return float_of(sign | bits_of(subnormal));
}

/// `bits` without its last `dropped` (1 to 24) ones, rounded to nearest, ties to even.
std::uint32_t round_off(std::uint32_t bits, std::uint32_t dropped) {
  const std::uint32_t odd = bits >> dropped & 1u;
  return (bits + (1u << (dropped - 1)) - 1u + odd) >> dropped;
}

[[maybe_unused]] void narrow(float value, float& to) { to = value; }
[[maybe_unused]] void narrow(double value, double& to) { to = value; }

[[maybe_unused]] void narrow(float value, BFloat16& to) {
  const std::uint32_t bits = bits_of(value);
  const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
  to.bits = static_cast<std::uint16_t>(nan ? bits >> 16 | 0x40u : round_off(bits, 16));
}

[[maybe_unused]] void narrow(float value, Half& to) {
  const std::uint32_t bits = bits_of(value);
  const std::uint32_t rest = bits & 0x7fffffffu;
  std::uint32_t half;
  if (rest > 0x7f800000u) {  // NaN, quieted
    half = 0x7e00u | (rest >> 13 & 0x3ffu);
  } else if (rest >= 0x47800000u) {  // 2^16 and more: infinity
    half = 0x7c00u;
  } else if (rest >= 0x38800000u) {  // 2^-14 and more: normal, or rounded up to infinity
    half = round_off(rest - (112u << 23), 13);
  } else if (rest >= 0x33000000u) {  // 2^-25 and more: subnormal
    const std::uint32_t exponent = rest >> 23;
    half = round_off((rest & 0x7fffffu) | 0x800000u, 126u - exponent);
  } else {
    half = 0;
  }
  to.bits = static_cast<std::uint16_t>((bits >> 16 & 0x8000u) | half);
}

/// The element at p in the type that sums run in.
template <typename T>
AccumulateT<T> load_element(const T* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return widen(value);
}

template <typename T>
void store_element(AccumulateT<T> value, T* p) {
  T rounded;
  narrow(value, rounded);
  std::memcpy(p, &rounded, sizeof rounded);
}

}  // namespace
}  // namespace oft::kernels

#endif
