#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace oft {

/// An optimizer of libtorch that is described by JSON. A thread at a time.
class Optimizer {
 public:
  /// `spec` is {"type": "AdamW" | "Adam" | "SGD" | "Adagrad" | "RMSprop", "groups": [{"count",
  /// ...options}...]}; `tensors` are those of the first group, then those of the next.
  /// Absent options keep libtorch's defaults, and SGD's "lr" is 1e-3 as in PyTorch.
  /// Throws Error(kParse), or Error(kInvalidArgument) naming key, value and remedy.
  static std::unique_ptr<Optimizer> create(std::string_view spec,
                                           const std::vector<at::Tensor>& tensors);
  virtual ~Optimizer() = default;

  virtual void step() = 0;
  /// Drops the gradients.
  virtual void zero_grad() = 0;

  /// Changes options of a group, all or none. Throws as `create`, and Error(kInvalidArgument) for
  /// an option that the steps made so far did not keep state for.
  virtual void set_options(std::size_t group, std::string_view options) = 0;

  /// The spec, every option explicit.
  virtual std::string to_json() const = 0;

  /// Writes an archive that libtorch's own optimizers load too. Throws Error(kIo).
  virtual void save(const std::filesystem::path& path) const = 0;

  /// Throws Error(kNotFound), Error(kParse), or Error(kInvalidArgument) where the state is that of
  /// another type or of other tensors; the optimizer is then as before.
  virtual void load(const std::filesystem::path& path) = 0;
};

}  // namespace oft
