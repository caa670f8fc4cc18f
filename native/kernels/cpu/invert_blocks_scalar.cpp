#include <cmath>
#include <cstdint>

#include "gauss_jordan_scalar.h"
#include "invert_blocks_cpu.h"

// Plain C++: the fallback, and the reference for the other sets.
namespace oft::kernels {

void invert_blocks_scalar(const double* r, double* inverse, double* residuals, std::int64_t blocks,
                          std::int64_t b, double* scratch) {
  double* row = scratch;  // one of R inverse - I
  for (std::int64_t block = 0; block < blocks; ++block, r += b * b, inverse += b * b) {
    for (std::int64_t t = 0; t < b * b; ++t) inverse[t] = r[t];
    invert(inverse, b, 0.0);
    double squares = 0;
    for (std::int64_t i = 0; i < b; ++i) {
      for (std::int64_t j = 0; j < b; ++j) row[j] = i == j ? -1 : 0;
      for (std::int64_t t = 0; t < b; ++t) {
        for (std::int64_t j = 0; j < b; ++j) row[j] += r[i * b + t] * inverse[t * b + j];
      }
      for (std::int64_t j = 0; j < b; ++j) squares += row[j] * row[j];
    }
    residuals[block] = std::sqrt(squares);
  }
}

}  // namespace oft::kernels
