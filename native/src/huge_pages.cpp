#include "huge_pages.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

#include <cstdint>

namespace oft {

void prefer_huge_pages([[maybe_unused]] const at::Tensor& tensor) {
#if defined(__linux__)
  constexpr std::size_t kLarge = std::size_t{4} << 20;
  if (!tensor.is_cpu() || tensor.nbytes() < kLarge) return;
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(tensor.mutable_data_ptr());
  const std::uintptr_t first = (begin + page - 1) / page * page;
  const std::uintptr_t last = (begin + tensor.nbytes()) / page * page;
  // Advice: a system without huge pages declines it, and nothing changes.
  (void)madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
}

}  // namespace oft
