#include "isa.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace oft::kernels {
namespace {

std::string error_for(const char* name) {
  try {
    isa_by_name(name);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(IsaTest, OfferedSetsAreFoundByName) {
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    if (isa <= best_isa()) {
      EXPECT_EQ(isa_by_name(isa_name(isa)), isa);
    } else {
      EXPECT_NE(error_for(isa_name(isa)).find("not offered"), std::string::npos);
    }
  }
}

TEST(IsaTest, UnknownSetIsNamedWithTheRemedy) {
  EXPECT_EQ(error_for("AVX512"),
            "instruction set \"AVX512\" is unknown: OFT_FORCE_ISA takes scalar, avx2 or avx512");
}

// The set is chosen once per process, so each case takes a fresh one.
class ForcedIsaTest : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  [[noreturn]] static void print_active(const char* forced) {
    setenv("OFT_FORCE_ISA", forced, 1);
    try {
      std::fprintf(stderr, "active: %s\n", isa_name(active_isa()));
    } catch (const std::runtime_error& error) {
      std::fprintf(stderr, "error: %s\n", error.what());
    }
    std::_Exit(0);
  }
};

TEST_F(ForcedIsaTest, VariableChooses) {
  EXPECT_EXIT(print_active("scalar"), ::testing::ExitedWithCode(0), "active: scalar");
}

TEST_F(ForcedIsaTest, EmptyVariableLeavesTheBest) {
  EXPECT_EXIT(print_active(""), ::testing::ExitedWithCode(0),
              std::string("active: ") + isa_name(best_isa()));
}

TEST_F(ForcedIsaTest, UnknownValueFails) {
  EXPECT_EXIT(print_active("sse9"), ::testing::ExitedWithCode(0), "error: .*\"sse9\" is unknown");
}

}  // namespace
}  // namespace oft::kernels
