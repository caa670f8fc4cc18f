#include "checkpoint_difference.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>

#include "dtypes.hpp"

namespace oft {
namespace {

constexpr std::int64_t kPieceElements = std::int64_t{1} << 20;

/// Reads a range of a tensor's elements into `buffer`.
void read_elements(const Checkpoint& checkpoint, const Checkpoint::Location& location,
                   std::int64_t first, std::int64_t count, std::vector<char>& buffer) {
  const std::size_t width = dtype_size(location.entry->dtype);
  buffer.resize(static_cast<std::size_t>(count) * width);
  checkpoint.files()[location.file].read(*location.entry, static_cast<std::uint64_t>(first) * width,
                                         buffer.size(), buffer.data());
}

at::Tensor as_tensor(std::vector<char>& buffer, SafetensorsDType dtype, std::int64_t count) {
  return at::from_blob(buffer.data(), {count},
                       at::TensorOptions().dtype(scalar_type(dtype, "a tensor")));
}

bool are_equal(std::vector<char>& left, SafetensorsDType left_type, std::vector<char>& right,
               SafetensorsDType right_type, std::int64_t count) {
  if (left_type == right_type) return std::memcmp(left.data(), right.data(), left.size()) == 0;
  const at::Tensor a = as_tensor(left, left_type, count);
  const at::Tensor b = as_tensor(right, right_type, count);
  return a.element_size() < b.element_size() ? b.to(a.scalar_type()).equal(a)
                                             : a.to(b.scalar_type()).equal(b);
}

bool have_equal_values(const Checkpoint& base, const Checkpoint::Location& left,
                       const Checkpoint& tuned, const Checkpoint::Location& right) {
  if (left.entry->shape != right.entry->shape) return false;
  std::vector<char> left_bytes;
  std::vector<char> right_bytes;
  const std::int64_t total = left.entry->numel();
  for (std::int64_t first = 0; first < total; first += kPieceElements) {
    const std::int64_t count = std::min(kPieceElements, total - first);
    read_elements(base, left, first, count, left_bytes);
    read_elements(tuned, right, first, count, right_bytes);
    if (!are_equal(left_bytes, left.entry->dtype, right_bytes, right.entry->dtype, count))
      return false;
  }
  return true;
}

}  // namespace

CheckpointDifference compare_checkpoints(const Checkpoint& base, const Checkpoint& tuned,
                                         const std::function<void(std::uint64_t)>& progress) {
  CheckpointDifference difference;
  std::uint64_t done = 0;
  for (const auto& [name, location] : base.tensors()) {
    const Checkpoint::Location* other = tuned.find(name);
    if (other == nullptr)
      difference.missing.push_back(name);
    else if (have_equal_values(base, location, tuned, *other))
      difference.equal.push_back(name);
    else
      difference.changed.push_back(name);
    done += location.entry->bytes();
    progress(done);
  }
  for (const auto& [name, location] : tuned.tensors())
    if (base.find(name) == nullptr) difference.added.push_back(name);
  return difference;
}

}  // namespace oft
