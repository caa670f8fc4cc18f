#include "fixtures.h"
#include "live.h"
#include "test.h"

/* Three random numbers, shaped like q_a and one more. */
static oft_tensor* draw(void) {
  oft_tensor* const shape = new_tensor(weight_a, SIZES(3));
  oft_tensor* const drawn = call_operator("aten::rand_like", shape, NULL);
  oft_tensor_destroy(shape);
  return drawn;
}

static void a_seed_repeats_what_it_gave(void) {
  CHECK_OK(oft_random_seed(UINT64_MAX, &failure));
  oft_tensor* const first = draw();
  oft_tensor* const second = draw();
  CHECK(difference(first, second, 3) > 0);
  CHECK_OK(oft_random_seed(UINT64_MAX, &failure));
  oft_tensor* const again = draw();
  CHECK(difference(first, again, 3) == 0);
  oft_tensor_destroy(again);
  oft_tensor_destroy(second);
  oft_tensor_destroy(first);
}

static void a_state_continues_where_it_was(void) {
  CHECK_OK(oft_random_seed(3, &failure));
  oft_tensor_destroy(draw());
  oft_tensor* state = NULL;
  CHECK_OK(oft_random_state(&state, &failure));
  oft_tensor* const expected = draw();
  oft_tensor_destroy(draw());
  CHECK_OK(oft_random_set_state(state, &failure));
  oft_tensor* const actual = draw();
  CHECK(difference(expected, actual, 3) == 0);
  oft_tensor_destroy(actual);
  oft_tensor_destroy(expected);
  oft_tensor_destroy(state);
}

static void what_is_no_state_changes_nothing(void) {
  oft_tensor* short_one = NULL;
  CHECK_OK(oft_tensor_create(OFT_DTYPE_UINT8, SIZES(8), &short_one, &failure));
  oft_tensor* const reals = new_tensor(q_a, SIZES(2));
  CHECK_OK(oft_random_seed(3, &failure));
  oft_tensor* const expected = draw();
  CHECK_OK(oft_random_seed(3, &failure));
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_random_set_state(short_one, &failure), "8");
  CHECK_FAILS(OFT_STATUS_INVALID_ARGUMENT, oft_random_set_state(reals, &failure), "RNG state");
  CHECK_REFUSES_NULL(oft_random_set_state(NULL, &failure), "state");
  CHECK_REFUSES_NULL(oft_random_state(NULL, &failure), "out_state");
  oft_tensor* const actual = draw();
  CHECK(difference(expected, actual, 3) == 0);
  oft_tensor_destroy(actual);
  oft_tensor_destroy(expected);
  oft_tensor_destroy(reals);
  oft_tensor_destroy(short_one);
}

static const struct test_case cases[] = {
    TEST_CASE(a_seed_repeats_what_it_gave),
    TEST_CASE(a_state_continues_where_it_was),
    TEST_CASE(what_is_no_state_changes_nothing),
};
TEST_SUITE(random);
