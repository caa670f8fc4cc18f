#ifndef OFT_KERNELS_CPU_SERIES_H
#define OFT_KERNELS_CPU_SERIES_H

#include <cstdint>

// Anonymous, as ISA units must share no code.
namespace oft::kernels {
namespace {

/// The coefficients c of R = c[0] I + c[1] Q + ... + c[degree] Q^degree.
template <typename T>
struct Series {
  std::int64_t degree;
  T last;

  Series(std::int64_t terms, bool legacy)
      : degree(!legacy && terms == 3 ? 3
               : terms < 1           ? 0
                                     : terms - 1),
        last(legacy || degree == 1 ? 2 : 1) {}

  T coefficient(std::int64_t power) const {
    return power > degree ? 0 : power == 0 ? 1 : power == degree ? last : 2;
  }

  /// Whether the highest power stands alone, without an odd one above it.
  bool ends_in_square() const { return degree >= 2 && degree % 2 == 0; }

  /// Pairs c[2j] I + c[2j+1] Q that Horner's rule in Q^2 steps through.
  std::int64_t pairs() const { return degree < 1 ? 1 : (degree + 1) / 2; }
};

}  // namespace
}  // namespace oft::kernels

#endif
