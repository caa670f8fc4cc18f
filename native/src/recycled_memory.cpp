#include "recycled_memory.hpp"

#include <ATen/EmptyTensor.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <algorithm>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace oft {
namespace {

// Smaller blocks malloc keeps itself.
constexpr std::size_t kLeastBytes = 128 << 10;
// What may lie unused.
constexpr std::size_t kMostBytes = 64 << 20;

struct Block {
  c10::DataPtr memory;
  std::size_t size;
};

/// Blocks that are free, the latest first. For any thread.
class FreeBlocks {
 public:
  /// The latest that holds `size` and not much more; null where there is none.
  std::unique_ptr<Block> take(std::size_t size) {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(blocks_, [&](const auto& block) {
      return block->size >= size && block->size - size <= size / 4;
    });
    if (found == blocks_.end()) return nullptr;
    std::unique_ptr<Block> block = std::move(*found);
    blocks_.erase(found);
    bytes_ -= block->size;
    return block;
  }

  void give(std::unique_ptr<Block> block) {
    std::list<std::unique_ptr<Block>> ended;  // freed without the lock
    const std::lock_guard lock(mutex_);
    bytes_ += block->size;
    blocks_.push_front(std::move(block));
    while (bytes_ > kMostBytes) {
      bytes_ -= blocks_.back()->size;
      ended.splice(ended.end(), blocks_, std::prev(blocks_.end()));
    }
  }

 private:
  std::mutex mutex_;
  std::list<std::unique_ptr<Block>> blocks_;
  std::size_t bytes_ = 0;
};

FreeBlocks& free_blocks() {
  static auto& blocks = *new FreeBlocks;  // tensors may outlive whatever a program's end destroys
  return blocks;
}

class RecyclingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t size) override {
    if (size < kLeastBytes) return c10::GetCPUAllocator()->allocate(size);
    std::unique_ptr<Block> block = free_blocks().take(size);
    if (block == nullptr)
      block = std::make_unique<Block>(Block{c10::GetCPUAllocator()->allocate(size), size});
    void* data = block->memory.get();
    return {data, block.release(), &release, c10::Device(c10::DeviceType::CPU)};
  }

  void copy_data(void* to, const void* from, std::size_t size) const override {
    default_copy_data(to, from, size);
  }

 private:
  static void release(void* block) {
    free_blocks().give(std::unique_ptr<Block>(static_cast<Block*>(block)));
  }
};

}  // namespace

at::Tensor empty_recycled(at::IntArrayRef sizes, at::ScalarType dtype) {
  static auto& allocator = *new RecyclingAllocator;
  return at::detail::empty_generic(sizes, &allocator, c10::DispatchKeySet(c10::DispatchKey::CPU),
                                   dtype, std::nullopt);
}

}  // namespace oft
