/** Handles, files and numbers that several tests start from. */
#ifndef OFT_TESTS_ABI_FIXTURES_H
#define OFT_TESTS_ABI_FIXTURES_H

#include "oft/c_api.h"

#define EXACT_BLOCKS_OF_2 "{\"oft_block_size\": 2, \"target_modules\": [\"fc1\"]}"
#define NEUMANN_BLOCKS_OF_2 "{\"oft_block_size\": 2, \"use_cayley_neumann\": true}"

/** Base A of the reference vectors: a weight [2, 4], q [2, 1], and what exact blocks make of it. */
extern const double weight_a[8];
extern const double q_a[2];
extern const double merged_a[8];

/** Sizes as the pointer and length that the ABI takes. */
#define SIZES(...) \
  (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)

oft_config* new_config(const char* json);

/** A float64 tensor with these elements. */
oft_tensor* new_tensor(const double* values, const int64_t* sizes, size_t dims);

/** The elements of a float64 tensor that must have `count` of them; borrowed. */
const double* elements(const oft_tensor* tensor, size_t count);

/** Compares the elements of a float64 tensor to twelve digits, then destroys it. */
#define CHECK_ELEMENTS(tensor, expected, count) \
  check_elements((tensor), (expected), (count), __FILE__, __LINE__)
void check_elements(oft_tensor* tensor, const double* expected, size_t count, const char* file,
                    int line);

/** A rotation of `features` by float64 parameters q [rows, columns]. */
oft_rotation* new_rotation(const char* config, const double* q, int64_t rows, int64_t columns,
                           int64_t features);

/** The rotation by q_a with exact blocks. */
oft_rotation* new_rotation_a(void);

/** Saves an adapter of one layer with float64 parameters q [rows, columns]. */
void save_adapter(const char* folder, const char* config, const char* layer, const double* q,
                  int64_t rows, int64_t columns);

/** Saves the adapter whose layer `layer` has the rotation of new_rotation_a. */
void save_adapter_a(const char* folder, const char* layer);

enum { kPathSize = 512 };

/** Writes "<the folder of this case>/<name>"; the runner removes that folder. */
void path_in_folder(char path[kPathSize], const char* name);
void remove_temporary_folder(void);

/** How many entries a folder has, hidden ones too. */
int count_entries(const char* folder);

void make_folder(const char* path);
void write_file(const char* path, const void* data, size_t size);
/** Reads a whole file and returns its length, which must be below `capacity`. */
size_t read_file(const char* path, char* data, size_t capacity);

/** Writes a header and as many bytes of data as it speaks of. */
void write_safetensors(const char* path, const char* header, const void* data, size_t data_size);

/**
 * Writes a checkpoint of float64 tensors: `fc1.weight` [2, 4] = weight_a, `fc1.bias` [2] =
 * {0.1, -0.2}.
 */
void write_base(const char* path);

/** Reads a float64 tensor of `count` elements out of a .safetensors file. */
void read_stored(const char* path, const char* name, double* values, size_t count);

#endif
