#ifndef OFT_KERNELS_CUDA_TENSOR_CORES_CUH
#define OFT_KERNELS_CUDA_TENSOR_CORES_CUH

#include <mma.h>

/// Products of 16 x 8 by 8 x 16 in TF32 with sums in float32, by the 32 threads of a warp together.
namespace oft::kernels {

namespace wmma = nvcuda::wmma;

template <typename Layout>
using LeftFragment = wmma::fragment<wmma::matrix_a, 16, 16, 8, wmma::precision::tf32, Layout>;
using RightFragment =
    wmma::fragment<wmma::matrix_b, 16, 16, 8, wmma::precision::tf32, wmma::row_major>;
using SumFragment = wmma::fragment<wmma::accumulator, 16, 16, 8, float>;

/// Rounds what was loaded as float32.
template <typename Fragment>
__device__ void round_to_tf32(Fragment& fragment) {
  for (int e = 0; e < fragment.num_elements; ++e)
    fragment.x[e] = wmma::__float_to_tf32(fragment.x[e]);
}

/// high + low is what `high` was, but for 2^-22 of it.
__device__ inline void split_to_tf32(RightFragment& high, RightFragment& low) {
  for (int e = 0; e < high.num_elements; ++e) {
    const float whole = high.x[e];
    high.x[e] = wmma::__float_to_tf32(whole);
    low.x[e] = wmma::__float_to_tf32(whole - high.x[e]);
  }
}

}  // namespace oft::kernels

#endif
