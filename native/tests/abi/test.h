/** Checks and cases for plain C tests of the C ABI. A check that fails ends its case. */
#ifndef OFT_TESTS_ABI_TEST_H
#define OFT_TESTS_ABI_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oft/c_api.h"

struct test_case {
  const char* name;
  void (*run)(void);
};

struct test_suite {
  const char* name;
  const struct test_case* cases;
  size_t count;
};

#define TEST_CASE(function) \
  { #function, function }
/** Defines the suite of a file whose table of cases is named `cases`. */
#define TEST_SUITE(noun) \
  const struct test_suite noun##_suite = {#noun, cases, sizeof cases / sizeof cases[0]}

/**
 * Runs a case and prints its line. A case also fails where the number of live handles is not what
 * it was.
 */
bool run_case(const struct test_suite* suite, const struct test_case* test);

int64_t live_handles(void);

/** Where the calls under test put their errors; NULL but between a failing call and its check. */
extern oft_error* failure;

/** What an out-parameter holds before a call that must not write it. */
extern char untouched;
#define UNTOUCHED ((void*)&untouched)

/** A literal or terminated string as the pointer and length that the ABI takes. */
#define TEXT(string) (string), strlen(string)

/** Text that a call returned, with a terminator for the sake of <string.h>. */
struct text {
  size_t size;
  char data[32 * 1024];
};

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) fail_case(__FILE__, __LINE__, "not so: %s", #condition); \
  } while (0)

/** The call returned OK and left `failure` alone. */
#define CHECK_OK(call) check_ok((call), __FILE__, __LINE__)

/** The call returned `status`; its error has that status too and names each of the texts. */
#define CHECK_FAILS(status, call, ...) \
  check_fails((status), (call), __FILE__, __LINE__, (const char*[]){__VA_ARGS__, NULL})

/** The call refused a NULL and named the parameter. */
#define CHECK_REFUSES_NULL(call, parameter) \
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, call, parameter, "NULL")

#define CHECK_CONTAINS(text, part) check_contains((text), (part), __FILE__, __LINE__)

/** `count` doubles agree to twelve digits. */
#define CHECK_CLOSE(actual, expected, count) \
  check_close((actual), (expected), (count), __FILE__, __LINE__)

/**
 * Reads a text by the size-probe pattern, and checks the pattern on the way. `call` is written with
 * `buffer`, `capacity` and `&size`: it is made with no buffer, one that is too small, one that
 * fits and one to spare.
 */
#define READ_TEXT(text, call)                                       \
  do {                                                              \
    for (int pass = TEXT_PROBE; pass <= TEXT_AMPLE; ++pass) {       \
      size_t size = SIZE_MAX;                                       \
      const size_t capacity = begin_text_pass(&(text), pass);       \
      char* const buffer = pass == TEXT_PROBE ? NULL : (text).data; \
      CHECK_OK(call);                                               \
      end_text_pass(&(text), pass, size, __FILE__, __LINE__);       \
    }                                                               \
  } while (0)

enum text_pass { TEXT_PROBE, TEXT_TOO_SMALL, TEXT_EXACT, TEXT_AMPLE };

size_t begin_text_pass(struct text* text, int pass);
void end_text_pass(struct text* text, int pass, size_t size, const char* file, int line);

/** Copies a text that is not empty; the handle is destroyed. */
void take_text(struct text* text, oft_text* handle);

_Noreturn void fail_case(const char* file, int line, const char* format, ...);
void check_ok(oft_status status, const char* file, int line);
void check_fails(oft_status expected, oft_status status, const char* file, int line,
                 const char* const* parts);
void check_contains(const char* text, const char* part, const char* file, int line);
void check_close(const double* actual, const double* expected, size_t count, const char* file,
                 int line);

#endif
