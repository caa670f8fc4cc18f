#define _XOPEN_SOURCE 700

#include "fixtures.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

const double weight_a[8] = {1, 2, 3, 4, 0.5, -1, 0.25, 2};
const double q_a[2] = {0.3, -0.2};
const double merged_a[8] = {-0.266055045872,
                            2.220183486239,
                            4.307692307692,
                            2.538461538462,
                            0.967889908257,
                            -0.559633027523,
                            1,
                            1.75};

oft_config* new_config(const char* json) {
  oft_config* config = NULL;
  CHECK_OK(oft_config_parse(TEXT(json), OFT_CONFIG_USER, &config, &failure));
  return config;
}

oft_tensor* new_tensor(const double* values, const int64_t* sizes, size_t dims) {
  oft_tensor* tensor = NULL;
  void* data = NULL;
  size_t bytes = 0;
  CHECK_OK(oft_tensor_create(OFT_DTYPE_FLOAT64, sizes, dims, &tensor, &failure));
  CHECK_OK(oft_tensor_data(tensor, &data, &bytes, &failure));
  memcpy(data, values, bytes);
  return tensor;
}

const double* elements(const oft_tensor* tensor, size_t count) {
  oft_dtype dtype = -1;
  void* data = NULL;
  size_t bytes = 0;
  CHECK_OK(oft_tensor_dtype(tensor, &dtype, &failure));
  CHECK(dtype == OFT_DTYPE_FLOAT64);
  CHECK_OK(oft_tensor_data(tensor, &data, &bytes, &failure));
  CHECK(bytes == count * sizeof(double));
  return data;
}

void check_elements(oft_tensor* tensor, const double* expected, size_t count, const char* file,
                    int line) {
  check_close(elements(tensor, count), expected, count, file, line);
  oft_tensor_destroy(tensor);
}

oft_rotation* new_rotation(const char* config, const double* q, int64_t rows, int64_t columns,
                           int64_t features) {
  oft_rotation* rotation = NULL;
  oft_config* parsed = new_config(config);
  oft_tensor* parameters = new_tensor(q, SIZES(rows, columns));
  CHECK_OK(oft_rotation_create(parameters, features, parsed, NULL, &rotation, &failure));
  oft_tensor_destroy(parameters);
  oft_config_destroy(parsed);
  return rotation;
}

oft_rotation* new_rotation_a(void) { return new_rotation(EXACT_BLOCKS_OF_2, q_a, 2, 1, 4); }

void save_adapter(const char* folder, const char* config, const char* layer, const double* q,
                  int64_t rows, int64_t columns) {
  oft_adapter* adapter = NULL;
  oft_config* parsed = new_config(config);
  oft_tensor* parameters = new_tensor(q, SIZES(rows, columns));
  CHECK_OK(oft_adapter_create(parsed, &adapter, &failure));
  CHECK_OK(oft_adapter_put(adapter, TEXT(layer), 0, parameters, &failure));
  CHECK_OK(oft_adapter_save(adapter, TEXT(folder), &failure));
  oft_adapter_destroy(adapter);
  oft_tensor_destroy(parameters);
  oft_config_destroy(parsed);
}

void save_adapter_a(const char* folder, const char* layer) {
  save_adapter(folder, EXACT_BLOCKS_OF_2, layer, q_a, 2, 1);
}

static char temporary_folder[kPathSize / 2];

void path_in_folder(char path[kPathSize], const char* name) {
  if (temporary_folder[0] == '\0') {
    const char* const root = getenv("TMPDIR");
    snprintf(temporary_folder, sizeof temporary_folder, "%s/oft-abi-test-XXXXXX",
             root == NULL ? "/tmp" : root);
    CHECK(mkdtemp(temporary_folder) != NULL);
  }
  const int length = snprintf(path, kPathSize, "%s/%s", temporary_folder, name);
  CHECK(length > 0 && length < kPathSize);
}

static int remove_entry(const char* path, const struct stat* info, int type, struct FTW* walk) {
  (void)info, (void)type, (void)walk;
  return remove(path);
}

void remove_temporary_folder(void) {
  if (temporary_folder[0] != '\0') nftw(temporary_folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
  temporary_folder[0] = '\0';
}

int count_entries(const char* folder) {
  DIR* const stream = opendir(folder);
  CHECK(stream != NULL);
  int count = -2; /* "." and ".." */
  while (readdir(stream) != NULL) ++count;
  closedir(stream);
  return count;
}

void make_folder(const char* path) { CHECK(mkdir(path, 0777) == 0); }

void write_file(const char* path, const void* data, size_t size) {
  FILE* const file = fopen(path, "wb");
  CHECK(file != NULL);
  const size_t written = fwrite(data, 1, size, file);
  CHECK(fclose(file) == 0 && written == size);
}

size_t read_file(const char* path, char* data, size_t capacity) {
  FILE* const file = fopen(path, "rb");
  if (file == NULL) fail_case(__FILE__, __LINE__, "cannot open %s", path);
  const size_t size = fread(data, 1, capacity, file);
  fclose(file);
  CHECK(size < capacity);
  return size;
}

void write_safetensors(const char* path, const char* header, const void* data, size_t data_size) {
  char file[4096];
  const size_t header_size = strlen(header);
  CHECK(8 + header_size + data_size <= sizeof file);
  for (int i = 0; i < 8; ++i) file[i] = (char)((header_size >> (8 * i)) & 0xff);
  memcpy(file + 8, header, header_size);
  memcpy(file + 8 + header_size, data, data_size);
  write_file(path, file, 8 + header_size + data_size);
}

void write_base(const char* path) {
  double data[10] = {0.1, -0.2};
  memcpy(data + 2, weight_a, sizeof weight_a);
  write_safetensors(path,
                    "{\"fc1.bias\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]},"
                    "\"fc1.weight\":{\"dtype\":\"F64\",\"shape\":[2,4],\"data_offsets\":[16,80]}}",
                    data, sizeof data);
}

void read_stored(const char* path, const char* name, double* values, size_t count) {
  char file[4096];
  const size_t file_size = read_file(path, file, sizeof file - 1);
  file[file_size] = '\0';
  size_t header_size = 0;
  for (int i = 0; i < 8; ++i) header_size |= (size_t)(unsigned char)file[i] << (8 * i);

  char key[128];
  snprintf(key, sizeof key, "\"%s\":", name);
  const char* entry = strstr(file + 8, key);
  if (entry == NULL) fail_case(__FILE__, __LINE__, "no %s in %s", key, path);
  CHECK_CONTAINS(entry, "\"dtype\":\"F64\"");
  const char* const offsets = strstr(entry, "\"data_offsets\":[");
  size_t begin = 0;
  size_t end = 0;
  CHECK(offsets != NULL && sscanf(offsets, "\"data_offsets\":[%zu,%zu]", &begin, &end) == 2);
  CHECK(end - begin == count * sizeof(double) && 8 + header_size + end <= file_size);
  memcpy(values, file + 8 + header_size + begin, end - begin);
}
