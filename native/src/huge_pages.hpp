#pragma once

#include <ATen/core/Tensor.h>

namespace oft {

/// Asks the system to back a large new CPU tensor, not written yet, by huge pages where it has
/// them: one page fault for 2 MB instead of 512, which cost more than a rotation of them.
void prefer_huge_pages(const at::Tensor& tensor);

}  // namespace oft
