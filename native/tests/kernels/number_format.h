#ifndef OFT_TESTS_KERNELS_NUMBER_FORMAT_H
#define OFT_TESTS_KERNELS_NUMBER_FORMAT_H

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "rotate_blocks.h"

namespace oft::kernels {

/// A binary format by its parameters alone: an oracle that shares no code with the kernels.
/// `kDigits` bits of significand, normal from 2^kMinExponent to below 2^kMaxExponent.
template <typename T>
struct Format {
  static constexpr int kDigits = std::numeric_limits<T>::digits;
  static constexpr int kMinExponent = std::numeric_limits<T>::min_exponent - 1;
  static constexpr int kMaxExponent = std::numeric_limits<T>::max_exponent;
};
template <>
struct Format<BFloat16> {
  static constexpr int kDigits = 8;
  static constexpr int kMinExponent = -126;
  static constexpr int kMaxExponent = 128;
};
template <>
struct Format<Half> {
  static constexpr int kDigits = 11;
  static constexpr int kMinExponent = -14;
  static constexpr int kMaxExponent = 16;
};

/// Largest relative error of one rounding, half the distance of neighbours at 1.
template <typename T>
constexpr double unit_roundoff() {
  double u = 1;
  for (int digit = 0; digit < Format<T>::kDigits; ++digit) u /= 2;
  return u;
}

/// The smallest positive number.
template <typename T>
double smallest() {
  return std::ldexp(1.0, Format<T>::kMinExponent - Format<T>::kDigits + 1);
}

/// `value` to the nearest number of the format, ties to even; infinity from there on.
template <typename T>
double round_to(double value) {
  if (!std::isfinite(value) || value == 0) return value;
  const int exponent = std::max(std::ilogb(value), Format<T>::kMinExponent);
  const int last_digit = exponent - Format<T>::kDigits + 1;
  const double rounded = std::ldexp(std::nearbyint(std::ldexp(value, -last_digit)), last_digit);
  const bool overflow = std::fabs(rounded) >= std::ldexp(1.0, Format<T>::kMaxExponent);
  return overflow ? std::copysign(std::numeric_limits<double>::infinity(), value) : rounded;
}

inline double to_double(float value) { return value; }
inline double to_double(double value) { return value; }

template <typename T>
double bits_to_double(std::uint16_t bits) {
  constexpr int kFraction = Format<T>::kDigits - 1;
  const int fraction = bits & ((1 << kFraction) - 1);
  const int exponent = (bits & 0x7fff) >> kFraction;
  const int special = 0x7fff >> kFraction;
  double value;
  if (exponent == special) {
    value = fraction == 0 ? std::numeric_limits<double>::infinity()
                          : std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == 0) {
    value = fraction * smallest<T>();
  } else {
    value = std::ldexp(fraction + (1 << kFraction), exponent - 1) * smallest<T>();
  }
  return (bits & 0x8000) != 0 ? -value : value;
}
inline double to_double(BFloat16 value) { return bits_to_double<BFloat16>(value.bits); }
inline double to_double(Half value) { return bits_to_double<Half>(value.bits); }

/// The number of the format nearest to `value`, not a NaN.
template <typename T>
T from_double(double value) {
  return static_cast<T>(value);
}
template <typename T>
T bits_from_double(double value) {
  constexpr int kFraction = Format<T>::kDigits - 1;
  const double magnitude = std::fabs(round_to<T>(value));
  const int sign = std::signbit(value) ? 0x8000 : 0;
  int bits;
  if (std::isinf(magnitude)) {
    bits = 0x7fff >> kFraction << kFraction;
  } else if (magnitude < std::ldexp(1.0, Format<T>::kMinExponent)) {
    bits = static_cast<int>(magnitude / smallest<T>());
  } else {
    const int exponent = std::ilogb(magnitude);
    const int significand = static_cast<int>(std::ldexp(magnitude, kFraction - exponent));
    bits = ((exponent - Format<T>::kMinExponent) << kFraction) + significand;
  }
  return T{static_cast<std::uint16_t>(sign | bits)};
}
template <>
inline BFloat16 from_double<BFloat16>(double value) {
  return bits_from_double<BFloat16>(value);
}
template <>
inline Half from_double<Half>(double value) {
  return bits_from_double<Half>(value);
}

}  // namespace oft::kernels

#endif
