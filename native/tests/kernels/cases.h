#ifndef OFT_TESTS_KERNELS_CASES_H
#define OFT_TESTS_KERNELS_CASES_H

#include <gtest/gtest.h>

#include <string>

#include "rotate_blocks.h"

namespace oft::kernels {

/// An element type on an instruction set; the suites are typed by it.
template <typename T, Isa kIsa>
struct Case {
  using Element = T;
  static constexpr Isa kSet = kIsa;
};

inline const char* element_name(float) { return "float"; }
inline const char* element_name(double) { return "double"; }
inline const char* element_name(BFloat16) { return "bfloat16"; }
inline const char* element_name(Half) { return "half"; }

struct CaseName {
  template <typename C>
  static std::string GetName(int) {
    return std::string(element_name(typename C::Element{})) + "_" + isa_name(C::kSet);
  }
};

/// Says so where the processor lacks the instruction set.
template <typename C>
class KernelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (C::kSet > best_isa()) GTEST_SKIP() << "no " << isa_name(C::kSet) << " here";
  }
};

}  // namespace oft::kernels

#endif
