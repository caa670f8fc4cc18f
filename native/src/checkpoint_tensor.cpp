#include "checkpoint_tensor.hpp"

#include <ATen/ops/empty.h>

#include "dtypes.hpp"

namespace oft {

at::Tensor read_tensor(const Checkpoint& checkpoint, const Checkpoint::Location& location) {
  const SafetensorsEntry& entry = *location.entry;
  at::Tensor tensor = at::empty(
      entry.shape, at::TensorOptions().dtype(scalar_type(entry.dtype, "'" + entry.name + "'")));
  checkpoint.files()[location.file].read(entry, 0, entry.bytes(), tensor.mutable_data_ptr());
  return tensor;
}

}  // namespace oft
