#pragma once

#include <cstdint>
#include <filesystem>

#include "session.h"

namespace oft::bench {

/// A merge from file to file: its inputs and where it writes.
struct Job {
  std::filesystem::path base;
  std::filesystem::path adapter;
  std::filesystem::path target;

  static Job in(const std::filesystem::path& folder);

  /// Writes base and adapter: Linear layers of features x features, float16, named layers.N.
  void write_inputs(int layers, std::int64_t features, std::int64_t block_size) const;

  /// Merges in this process.
  void merge(bool sync) const;

  /// Throws Failure unless the target holds what the formula gives for the first and last layer.
  void check() const;

  /// Contenders that write the target, each time a new file.
  Contender fresh(const std::string& name, Role role, std::function<void()> work) const;

  /// What a peer is asked to do.
  Json request() const;
};

}  // namespace oft::bench
