#include "fixtures.h"
#include "test.h"

/** PEFT's results in float64, rounded to twelve digits, for a weight of two rows. */
struct vector {
  const char* config;
  int64_t features, block_size, rows;  // q is [rows, block_size (block_size - 1) / 2]
  const double *q, *weight, *x, *merged;
  double matrices[18], rotated_x[6];
};

static const double x_a[4] = {1, -2, 0.5, 3};
static const double weight_b[12] = {1, 0, -1, 2, 0.5, -0.5, 0.25, -2, 1, 0, 1.5, 3};
static const double q_b[6] = {0.1, -0.2, 0.3, -0.05, 0.15, 0.25};
static const double x_b[6] = {1, 2, 3, -1, 0.5, -2};

static const struct vector kVectors[] = {
    {.config = "{\"oft_block_size\": 2}",  // exact Cayley
     .features = 4,
     .block_size = 2,
     .rows = 2,
     .q = q_a,
     .weight = weight_a,
     .x = x_a,
     .matrices = {0.834862385321, -0.550458715596, 0.550458715596, 0.834862385321, 0.923076923077,
                  0.384615384615, -0.384615384615, 0.923076923077},
     .rotated_x = {-0.266055045872, -2.220183486239, -0.692307692308, 2.961538461538},
     .merged = merged_a},
    {.config = NEUMANN_BLOCKS_OF_2,
     .features = 4,
     .block_size = 2,
     .rows = 2,
     .q = q_a,
     .weight = weight_a,
     .x = x_a,
     .matrices = {0.8281, 0.546, -0.546, 0.8281, 0.9216, -0.384, 0.384, 0.9216},
     .rotated_x = {1.9201, -1.1102, 1.6128, 2.5728},
     .merged =
         (const double[]){1.9201, 1.1102, 1.2288, 4.8384, -0.13195, -1.1011, -0.5376, 1.9392}},
    {.config =
         "{\"oft_block_size\": 2, \"use_cayley_neumann\": true, \"peft_version\": \"0.17.1\"}",
     .features = 4,
     .block_size = 2,
     .rows = 2,
     .q = q_a,
     .weight = weight_a,
     .x = x_a,
     .matrices = {0.8362, 0.546, -0.546, 0.8362, 0.9232, -0.384, 0.384, 0.9232},
     .rotated_x = {1.9282, -1.1264, 1.6136, 2.5776},
     .merged = (const double[]){1.9282, 1.1264, 1.2336, 4.8448, -0.1279, -1.1092, -0.5372, 1.9424}},
    {.config = "{\"oft_block_size\": 3}",
     .features = 6,
     .block_size = 3,
     .rows = 2,
     .q = q_b,
     .weight = weight_b,
     .x = x_b,
     .matrices = {0.912280701754, -0.070175438596, 0.403508771930, 0.280701754386, 0.824561403509,
                  -0.491228070175, -0.298245614035, 0.561403508772, 0.771929824561, 0.954022988506,
                  0.022988505747, -0.298850574713, -0.160919540230, 0.880459770115, -0.445977011494,
                  0.252873563218, 0.473563218391, 0.843678160920},
     .rotated_x = {0.578947368421, 3.263157894737, 1.736842105263, -1.540229885057, -0.529885057471,
                   -1.611494252874},
     .merged = (const double[]){0.508771929825, 0.771929824561, -1.070175438596, 2.068965517241,
                                0.341379310345, 0.320689655172, 0.771929824561, -2.070175438596,
                                -0.425438596491, -0.862068965517, -0.017241379310, 3.241379310345}},
    {.config = "{\"oft_block_size\": 3, \"block_share\": true, \"use_cayley_neumann\": true}",
     .features = 6,
     .block_size = 3,
     .rows = 1,
     .q = q_b,
     .weight = weight_b,
     .x = x_b,
     .matrices = {0.907, 0.2836, -0.2882, -0.0604, 0.814, 0.5532, 0.3998, -0.4788, 0.7582},
     .rotated_x = {1.9856, 0.4752, 3.0928, -1.7368, 1.081, -0.9516},
     .merged = (const double[]){1.1952, -0.6136, -0.3584, 2.0999, 0.0096, 0.1811, -0.62865, -1.0899,
                                1.81575, -0.4392, 2.8806, 1.5564}},
    {.config = "{\"oft_block_size\": 3, \"coft\": true, \"eps\": 0.1}",
     .features = 6,
     .block_size = 3,
     .rows = 2,
     .q = q_b,
     .weight = weight_b,
     .x = x_b,
     .matrices = {0.998218738703, -0.024521963169, 0.054387710229, 0.028796990282, 0.996437477407,
                  -0.079265925658, -0.052250196673, 0.080690934695, 0.995368720629, 0.998574990963,
                  0.014723419980, -0.051295305127, -0.018998447092, 0.996294976503, -0.083877164970,
                  0.049870296090, 0.084732170392, 0.995154969273},
     .rotated_x = {0.899062129247, 2.210425795729, 2.881962020799, -1.107814806688, 0.313959727487,
                   -1.980953215903},
     .merged = (const double[]){0.943831028474, 0.108062915939, -1.047618917302, 2.030159344479,
                                0.502089176552, -0.355470807261, 0.352986321244, -2.064941632901,
                                0.820924302070, -0.131800785412, 1.242810969845, 3.112563163407}},
};
enum { kVectorCount = sizeof kVectors / sizeof kVectors[0] };

static oft_rotation* rotation_of(const struct vector* v) {
  return new_rotation(v->config, v->q, v->rows, v->block_size * (v->block_size - 1) / 2,
                      v->features);
}

static void matrices_are_those_of_peft(void) {
  for (int i = 0; i < kVectorCount; ++i) {
    const struct vector* const v = &kVectors[i];
    oft_rotation* const rotation = rotation_of(v);
    oft_tensor* matrices = NULL;
    CHECK_OK(oft_rotation_matrices(rotation, OFT_DTYPE_FLOAT64, &matrices, &failure));
    int64_t sizes[3];
    size_t dims = 0;
    CHECK_OK(oft_tensor_sizes(matrices, sizes, 3, &dims, &failure));
    CHECK(dims == 3 && sizes[0] == v->rows);
    CHECK(sizes[1] == v->block_size && sizes[2] == v->block_size);
    CHECK_ELEMENTS(matrices, v->matrices, (size_t)(v->rows * v->block_size * v->block_size));
    oft_rotation_destroy(rotation);
  }
}

static void rotated_inputs_are_those_of_peft(void) {
  for (int i = 0; i < kVectorCount; ++i) {
    const struct vector* const v = &kVectors[i];
    oft_rotation* const rotation = rotation_of(v);
    oft_tensor* const x = new_tensor(v->x, SIZES(v->features));
    oft_tensor* rotated = NULL;
    CHECK_OK(oft_rotation_apply(rotation, x, &rotated, &failure));
    CHECK_ELEMENTS(rotated, v->rotated_x, (size_t)v->features);
    oft_tensor_destroy(x);
    oft_rotation_destroy(rotation);
  }
}

static void merged_weights_are_those_of_peft_and_unmerge(void) {
  for (int i = 0; i < kVectorCount; ++i) {
    const struct vector* const v = &kVectors[i];
    const size_t count = 2 * (size_t)v->features;
    oft_rotation* const rotation = rotation_of(v);
    const oft_rotation* const list[] = {rotation};
    oft_tensor* const weight = new_tensor(v->weight, SIZES(2, v->features));
    oft_tensor* merged = NULL;
    oft_tensor* unmerged = NULL;
    CHECK_OK(oft_rotation_merge(list, 1, weight, OFT_LAYER_LINEAR, 1, &merged, &failure));
    CHECK_OK(oft_rotation_unmerge(list, 1, merged, OFT_LAYER_LINEAR, &unmerged, &failure));
    CHECK_ELEMENTS(merged, v->merged, count);
    CHECK_ELEMENTS(unmerged, v->weight, count);
    oft_tensor_destroy(weight);
    oft_rotation_destroy(rotation);
  }
}

static const struct test_case cases[] = {
    TEST_CASE(matrices_are_those_of_peft),
    TEST_CASE(rotated_inputs_are_those_of_peft),
    TEST_CASE(merged_weights_are_those_of_peft_and_unmerge),
};
TEST_SUITE(rotation_vectors);
