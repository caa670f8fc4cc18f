#include <cstdint>

#include "elements_scalar.h"
#include "rotate_blocks_left_cpu.h"

// Plain C++: the fallback, and the reference for the other sets.
namespace oft::kernels {

template <typename T>
void rotate_blocks_left_scalar(const RotateBlocksLeft<T>& w, AccumulateT<T>* scratch) {
  for (std::int64_t k = 0; k < w.blocks; ++k) {
    const AccumulateT<T>* m = w.m + (w.shared ? 0 : k * w.b * w.b);
    const T* x = w.x + k * w.b * w.x_stride;
    T* y = w.y + k * w.b * w.y_stride;
    for (std::int64_t c = 0; c < w.columns; ++c) {
      for (std::int64_t t = 0; t < w.b; ++t) scratch[t] = load_element(x + t * w.x_stride + c);
      for (std::int64_t j = 0; j < w.b; ++j) {
        AccumulateT<T> sum = 0;
        for (std::int64_t t = 0; t < w.b; ++t) sum += load_element(m + j * w.b + t) * scratch[t];
        store_element(sum, y + j * w.y_stride + c);
      }
    }
  }
}

template void rotate_blocks_left_scalar(const RotateBlocksLeft<float>&, float*);
template void rotate_blocks_left_scalar(const RotateBlocksLeft<double>&, double*);
template void rotate_blocks_left_scalar(const RotateBlocksLeft<BFloat16>&, float*);
template void rotate_blocks_left_scalar(const RotateBlocksLeft<Half>&, float*);

}  // namespace oft::kernels
