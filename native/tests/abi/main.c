#include <stdio.h>

#include "test.h"

/* clang-format off */
#define SUITES(X) \
  X(library) X(error) X(config) X(tensor) X(rotation) X(rotation_vectors) X(rotation_merge) \
  X(threads) X(adapter) X(algebra) X(checkpoint_merge) X(reports) X(value) X(operator) X(gradient) X(random) X(script) X(model) X(optimizer)
/* clang-format on */

#define DECLARE_SUITE(noun) extern const struct test_suite noun##_suite;
#define SUITE_ADDRESS(noun) &noun##_suite,

SUITES(DECLARE_SUITE)

/* AddressSanitizer asks for its options here: an allocation that cannot be has to fail, not end. */
const char* __asan_default_options(void);
const char* __asan_default_options(void) { return "allocator_may_return_null=1"; }

int main(void) {
  static const struct test_suite* const suites[] = {SUITES(SUITE_ADDRESS)};
  int passed = 0;
  int failed = 0;
  for (size_t s = 0; s < sizeof suites / sizeof suites[0]; ++s)
    for (size_t c = 0; c < suites[s]->count; ++c)
      ++*(run_case(suites[s], &suites[s]->cases[c]) ? &passed : &failed);
  printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
