#include <cstdint>

#include "elements_scalar.h"
#include "rotate_blocks_cpu.h"

// Plain C++: the fallback, and the reference for the other sets.
namespace oft::kernels {

template <typename T>
void rotate_blocks_scalar(const RotateBlocks<T>& w, AccumulateT<T>* scratch) {
  AccumulateT<T>* x = scratch;
  AccumulateT<T>* sum = scratch + w.b;
  for (std::int64_t i = 0; i < w.rows; ++i) {
    for (std::int64_t k = 0; k < w.blocks; ++k) {
      const T* from = w.x + i * w.x_stride + k * w.b;
      for (std::int64_t t = 0; t < w.b; ++t) {
        x[t] = load_element(from + t);
        sum[t] = 0;
      }
      const AccumulateT<T>* m = w.m + (w.shared ? 0 : k * w.b * w.b);
      for (std::int64_t t = 0; t < w.b; ++t) {
        for (std::int64_t j = 0; j < w.b; ++j) sum[j] += x[t] * load_element(m + t * w.b + j);
      }
      T* to = w.y + i * w.y_stride + k * w.b;
      for (std::int64_t j = 0; j < w.b; ++j) store_element(sum[j], to + j);
    }
  }
}

template void rotate_blocks_scalar(const RotateBlocks<float>&, float*);
template void rotate_blocks_scalar(const RotateBlocks<double>&, double*);
template void rotate_blocks_scalar(const RotateBlocks<BFloat16>&, float*);
template void rotate_blocks_scalar(const RotateBlocks<Half>&, float*);

}  // namespace oft::kernels
