#ifndef OFT_KERNELS_CPU_SCRATCH_H
#define OFT_KERNELS_CPU_SCRATCH_H

#include <cstdint>
#include <new>

namespace oft::kernels {

/// Elements of a b x b matrix filled up to squares of the widest vector.
inline std::int64_t size_in_squares(std::int64_t b) {
  const std::int64_t columns = (b + 15) / 16 * 16;
  return columns * columns;
}

/// Uninitialised working memory for one call, at a multiple of 64 bytes. Not for ISA units.
template <typename T>
class Scratch {
 public:
  explicit Scratch(std::int64_t size)
      : data_(static_cast<T*>(::operator new(static_cast<std::size_t>(size) * sizeof(T), kLine))) {}
  ~Scratch() { ::operator delete(data_, kLine); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() const { return data_; }

 private:
  static constexpr std::align_val_t kLine{64};

  T* data_;
};

}  // namespace oft::kernels

#endif
