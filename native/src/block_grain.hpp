#pragma once

#include <algorithm>
#include <cstdint>

namespace oft {

/// at::parallel_for's grain for blocks of `multiplications` each: below some 10^5 of them another
/// thread costs more than it saves.
inline std::int64_t block_grain(std::int64_t multiplications) {
  return std::max<std::int64_t>(
      1, (std::int64_t{1} << 17) / std::max<std::int64_t>(1, multiplications));
}

}  // namespace oft
