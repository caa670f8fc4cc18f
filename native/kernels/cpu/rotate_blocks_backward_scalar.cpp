#include <cstdint>

#include "elements_scalar.h"
#include "rotate_blocks_backward_cpu.h"

// Plain C++: the fallback, and the reference for the other sets.
namespace oft::kernels {

template <typename T>
void rotate_blocks_backward_scalar(const RotateBlocksBackward<T>& w, AccumulateT<T>* scratch) {
  using M = AccumulateT<T>;
  const std::int64_t matrices = w.shared ? 1 : w.blocks;
  const std::int64_t blocks_of_one = w.shared ? w.blocks : 1;
  for (std::int64_t k = 0; k < matrices; ++k) {
    for (std::int64_t t = w.first; t < w.last; ++t) {
      M* sum = scratch;
      for (std::int64_t j = 0; j < w.b; ++j) sum[j] = 0;
      for (std::int64_t block = k; block < k + blocks_of_one; ++block) {
        for (std::int64_t i = 0; i < w.rows; ++i) {
          const M x = load_element(w.x + i * w.x_stride + block * w.b + t);
          const T* y_grad = w.y_grad + i * w.y_grad_stride + block * w.b;
          for (std::int64_t j = 0; j < w.b; ++j) sum[j] += x * load_element(y_grad + j);
        }
      }
      for (std::int64_t j = 0; j < w.b; ++j)
        store_element(sum[j], w.m_grad + (k * w.b + t) * w.b + j);
    }
  }
}

template void rotate_blocks_backward_scalar(const RotateBlocksBackward<float>&, float*);
template void rotate_blocks_backward_scalar(const RotateBlocksBackward<double>&, double*);
template void rotate_blocks_backward_scalar(const RotateBlocksBackward<BFloat16>&, float*);
template void rotate_blocks_backward_scalar(const RotateBlocksBackward<Half>&, float*);

}  // namespace oft::kernels
