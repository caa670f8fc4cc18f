#ifndef OFT_TESTS_KERNELS_GUARDED_BUFFER_H
#define OFT_TESTS_KERNELS_GUARDED_BUFFER_H

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <new>
#include <vector>

namespace oft::kernels {

/// The side on which a buffer touches a page that may not be read or written.
enum class Flush { kStart, kEnd };

/// `size` elements between two forbidden pages: one element read or written too far is a crash.
template <typename T>
class GuardedBuffer {
 public:
  GuardedBuffer(std::size_t size, Flush flush) : size_(size) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t inner = (size * sizeof(T) + page - 1) / page * page;
    mapped_ = inner + 2 * page;
    void* map = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) throw std::bad_alloc();
    map_ = static_cast<std::byte*>(map);
    if (inner > 0 && mprotect(map_ + page, inner, PROT_READ | PROT_WRITE) != 0) {
      munmap(map_, mapped_);
      throw std::bad_alloc();
    }
    std::byte* start = map_ + page + (flush == Flush::kStart ? 0 : inner - size * sizeof(T));
    data_ = reinterpret_cast<T*>(start);
  }
  GuardedBuffer(const std::vector<T>& values, Flush flush) : GuardedBuffer(values.size(), flush) {
    for (std::size_t t = 0; t < size_; ++t) data_[t] = values[t];
  }
  ~GuardedBuffer() { munmap(map_, mapped_); }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;

  T* data() const { return data_; }
  std::vector<T> values() const { return {data_, data_ + size_}; }

 private:
  std::size_t size_;
  std::size_t mapped_;
  std::byte* map_;
  T* data_;
};

}  // namespace oft::kernels

#endif
