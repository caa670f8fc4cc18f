#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "oft/config.hpp"
#include "session.h"

namespace oft::bench {

/// A tensor of a checkpoint.
struct TensorShape {
  std::string name;
  std::vector<std::int64_t> shape;
};

/// A merge from file to file: its inputs and where it writes.
struct Job {
  std::filesystem::path base;
  std::filesystem::path adapter;
  std::filesystem::path target;

  static Job in(const std::filesystem::path& folder);

  /// Writes base and adapter: random float16 tensors, and random rotations of the targets.
  void write_inputs(const std::vector<TensorShape>& tensors, const OFTConfig& config) const;

  /// Merges in this process.
  void merge(bool sync) const;

  /// Throws Failure unless the target holds what the formula gives for the first and the last
  /// layer of the adapter and for that with the most inputs.
  void check() const;

  /// Contenders that write the target, each time a new file.
  Contender fresh(const std::string& name, Role role, std::function<void()> work) const;

  /// What a peer is asked to do.
  Json request() const;
};

/// Linear layers of features x features, named layers.N, and an adapter for all of them.
std::vector<TensorShape> linear_tensors(int layers, std::int64_t features);
OFTConfig linear_config(std::int64_t block_size);

}  // namespace oft::bench
