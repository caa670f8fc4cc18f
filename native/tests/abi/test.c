#include "test.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "fixtures.h"

oft_error* failure;
char untouched;

static jmp_buf end_of_case;
static char problem[4096];

void fail_case(const char* file, int line, const char* format, ...) {
  int length = snprintf(problem, sizeof problem, "%s:%d: ", file, line);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(problem + length, sizeof problem - (size_t)length, format, arguments);
  va_end(arguments);
  longjmp(end_of_case, 1);
}

int64_t live_handles(void) {
  int64_t count = -1;
  CHECK_OK(oft_live_handles(&count, &failure));
  return count;
}

/* The one frame between setjmp and longjmp, so that no local variable is in doubt. */
static void run_checked(const struct test_case* test) {
  const int64_t before = live_handles();
  test->run();
  const int64_t after = live_handles();
  if (after != before)
    fail_case(__FILE__, __LINE__, "%lld handles before, %lld after", (long long)before,
              (long long)after);
}

bool run_case(const struct test_suite* suite, const struct test_case* test) {
  problem[0] = '\0';
  if (setjmp(end_of_case) == 0) run_checked(test);
  remove_temporary_folder();
  const bool passed = problem[0] == '\0';
  printf("%-6s %s: %s\n", passed ? "ok" : "FAILED", suite->name, test->name);
  if (!passed) printf("       %s\n", problem);
  fflush(stdout);
  oft_error_destroy(failure);
  failure = NULL;
  return passed;
}

static void read_message(const oft_error* error, char* message, size_t capacity) {
  size_t size = 0;
  if (oft_error_message(error, message, capacity - 1, &size) != OFT_STATUS_OK) size = 0;
  message[size < capacity ? size : capacity - 1] = '\0';
}

void check_ok(oft_status status, const char* file, int line) {
  char message[1024];
  read_message(failure, message, sizeof message);
  if (status != OFT_STATUS_OK)
    fail_case(file, line, "%s instead of OK: %s", oft_status_name(status), message);
  if (failure != NULL) fail_case(file, line, "OK, and yet an error: %s", message);
}

void check_fails(oft_status expected, oft_status status, const char* file, int line,
                 const char* const* parts) {
  char message[1024];
  read_message(failure, message, sizeof message);
  if (status != expected)
    fail_case(file, line, "%s instead of %s: %s", oft_status_name(status),
              oft_status_name(expected), message);
  if (failure == NULL) fail_case(file, line, "no error came with the status");
  if (oft_error_status(failure) != status)
    fail_case(file, line, "the error's own status is %s",
              oft_status_name(oft_error_status(failure)));
  for (; *parts != NULL; ++parts) check_contains(message, *parts, file, line);
  oft_error_destroy(failure);
  failure = NULL;
}

void check_contains(const char* text, const char* part, const char* file, int line) {
  if (strstr(text, part) == NULL) fail_case(file, line, "no '%s' in: %s", part, text);
}

void check_close(const double* actual, const double* expected, size_t count, const char* file,
                 int line) {
  for (size_t i = 0; i < count; ++i)
    if (!(fabs(actual[i] - expected[i]) <= 1e-12))
      fail_case(file, line, "element %zu is %.15g instead of %.15g", i, actual[i], expected[i]);
}

enum { kUnwritten = 1 }; /* a byte that no text holds */

size_t begin_text_pass(struct text* text, int pass) {
  if (pass == TEXT_PROBE) text->size = 0;
  memset(text->data, kUnwritten, sizeof text->data);
  switch (pass) {
    case TEXT_PROBE:
      return 0;
    case TEXT_TOO_SMALL:
      return text->size / 2;
    case TEXT_EXACT:
      return text->size;
    default:
      return sizeof text->data;
  }
}

void end_text_pass(struct text* text, int pass, size_t size, const char* file, int line) {
  if (size >= sizeof text->data) fail_case(file, line, "a size of %zu bytes", size);
  if (pass == TEXT_PROBE) text->size = size;
  if (size != text->size)
    fail_case(file, line, "%zu bytes, although the probe said %zu", size, text->size);
  const size_t written = pass == TEXT_PROBE ? 0 : pass == TEXT_TOO_SMALL ? size / 2 : size;
  for (size_t i = written; i < sizeof text->data; ++i)
    if (text->data[i] != kUnwritten)
      fail_case(file, line, "byte %zu lies past the buffer's end", i);
  for (size_t i = 0; i < written; ++i)
    if (text->data[i] == kUnwritten) fail_case(file, line, "byte %zu is not written", i);
  text->data[size] = '\0';
}

void take_text(struct text* text, oft_text* handle) {
  const char* const data = oft_text_data(handle, &text->size);
  CHECK(data != NULL && text->size > 0 && text->size < sizeof text->data);
  memcpy(text->data, data, text->size);
  text->data[text->size] = '\0';
  oft_text_destroy(handle);
}
