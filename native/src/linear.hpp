#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string_view>

namespace oft {

/// Who multiplies by the frozen weight of a Linear, for float32 on the CPU.
enum class LinearBackend {
  kAuto,    ///< not known before the first product of a size where it matters: the faster one
  kBlas,    ///< at::linear
  kOneDnn,  ///< the same sums in another order
};

std::string_view linear_backend_name(LinearBackend backend);

/// Throws Error(kInvalidArgument) for a name that is none, Error(kUnsupported) for oneDNN where
/// this libtorch has none.
LinearBackend linear_backend_by_name(std::string_view name);

/// The one that `functional::linear` uses: what the environment variable OFT_LINEAR names, or the
/// measured one, kAuto before it was measured. Throws as `linear_backend_by_name`.
LinearBackend linear_backend();

/// `functional::linear` by a backend; by at::linear where oneDNN does not do it.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight,
                  const std::optional<at::Tensor>& bias, LinearBackend backend);

}  // namespace oft
