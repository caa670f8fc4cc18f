#include "linear.hpp"

#include <ATen/TensorSubclassLikeUtils.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>

#include "oft/error.hpp"
#include "oft/functional.hpp"

namespace oft {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Below, oneDNN's calls cost more than its products save.
constexpr std::int64_t kLeastRows = 16;
constexpr std::int64_t kLeastMultiplications = 1 << 21;

/// What compiled PyTorch models call; it takes plain tensors as well as packed weights.
using OneDnnLinear = at::Tensor(const at::Tensor&, const at::Tensor&,
                                const std::optional<at::Tensor>&, std::string_view,
                                c10::List<std::optional<at::Scalar>>,
                                std::optional<std::string_view>);

/// Absent where libtorch was built without oneDNN, or with one that is called otherwise.
std::optional<c10::TypedOperatorHandle<OneDnnLinear>> find_onednn() {
  const auto found = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
  if (!found || !found->hasKernelForDispatchKey(c10::DispatchKey::CPU)) return std::nullopt;
  try {
    return found->typed<OneDnnLinear>();
  } catch (const c10::Error&) {
    return std::nullopt;
  }
}

const std::optional<c10::TypedOperatorHandle<OneDnnLinear>>& onednn() {
  static const auto operation = find_onednn();
  return operation;
}

at::Tensor onednn_linear(const at::Tensor& x, const at::Tensor& weight,
                         const std::optional<at::Tensor>& bias) {
  const at::AutoDispatchBelowADInplaceOrView plain;
  const c10::List<std::optional<at::Scalar>> no_scalars;
  return onednn()->call(x, weight, bias, "none", no_scalars, std::nullopt);
}

/// Both on a shape that is typical of a small transformer; the best of some runs, which alternate.
LinearBackend faster_backend() {
  if (!onednn()) return LinearBackend::kBlas;
  constexpr int kRuns = 10;
  constexpr double kLeastGain = 1.1;
  const at::NoGradGuard no_grad;
  const at::AutoDispatchBelowADInplaceOrView plain;
  const at::Tensor x = at::ones({128, 512});
  const at::Tensor weight = at::ones({512, 512});
  const auto seconds = [&](auto&& multiply) {
    const auto start = std::chrono::steady_clock::now();
    multiply(x, weight, std::nullopt);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  double by_blas = std::numeric_limits<double>::max();
  double by_onednn = std::numeric_limits<double>::max();
  for (int run = 0; run < kRuns; ++run) {
    by_blas = std::min(by_blas, seconds(at::linear));
    by_onednn = std::min(by_onednn, seconds(onednn_linear));
  }
  return by_blas > kLeastGain * by_onednn ? LinearBackend::kOneDnn : LinearBackend::kBlas;
}

LinearBackend wanted_backend() {
  static const LinearBackend wanted = [] {
    const char* name = std::getenv("OFT_LINEAR");
    return name == nullptr || *name == '\0' ? LinearBackend::kAuto : linear_backend_by_name(name);
  }();
  return wanted;
}

std::atomic<LinearBackend> measured = LinearBackend::kAuto;

LinearBackend chosen_backend() {
  if (const LinearBackend wanted = wanted_backend(); wanted != LinearBackend::kAuto) return wanted;
  static const LinearBackend faster = [] {
    const LinearBackend backend = faster_backend();
    measured = backend;
    return backend;
  }();
  return faster;
}

bool is_plain_float(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kFloat && tensor.is_cpu() &&
         tensor.layout() == c10::kStrided && !at::isTensorSubclassLike(tensor);
}

/// Whether oneDNN gives what at::linear gives, and size and kind of the product let it be faster.
bool suits_onednn(const at::Tensor& x, const at::Tensor& weight,
                  const std::optional<at::Tensor>& bias) {
  if (weight.dim() != 2 || x.dim() == 0 || x.size(-1) != weight.size(1)) return false;
  const std::int64_t rows = weight.size(1) == 0 ? 0 : x.numel() / weight.size(1);
  if (rows < kLeastRows || rows * weight.numel() < kLeastMultiplications) return false;
  if (!is_plain_float(x) || !is_plain_float(weight) || weight.requires_grad()) return false;
  if (!weight.is_contiguous() && !weight.t().is_contiguous()) return false;
  if (bias && bias->defined() &&
      (!is_plain_float(*bias) || bias->dim() != 1 || bias->size(0) != weight.size(0) ||
       !bias->is_contiguous()))
    return false;
  return !at::autocast::is_autocast_enabled(at::kCPU);
}

/// y = x W^T + bias with W frozen: nothing is kept but W.
struct FrozenLinear : torch::autograd::Function<FrozenLinear> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
    ctx->save_for_backward({weight});
    ctx->saved_data["has_bias"] = bias.has_value();
    return onednn_linear(x, weight, bias);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const at::Tensor& y_grad = grads[0];
    const at::Tensor weight = ctx->get_saved_variables()[0];
    const bool for_x = ctx->needs_input_grad(0);
    const bool for_bias = ctx->saved_data["has_bias"].toBool() && ctx->needs_input_grad(2);
    return {for_x ? linear(y_grad, weight.t(), std::nullopt, LinearBackend::kOneDnn) : at::Tensor(),
            at::Tensor(), for_bias ? y_grad.sum_to_size({weight.size(0)}) : at::Tensor()};
  }
};

at::Tensor linear_by_choice(const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
  return linear(x, weight, bias, LinearBackend::kAuto);
}

}  // namespace

std::string_view linear_backend_name(LinearBackend backend) {
  switch (backend) {
    case LinearBackend::kAuto:
      return "auto";
    case LinearBackend::kBlas:
      return "blas";
    case LinearBackend::kOneDnn:
      return "onednn";
  }
  return "unknown";
}

LinearBackend linear_backend_by_name(std::string_view name) {
  for (const auto backend : {LinearBackend::kAuto, LinearBackend::kBlas, LinearBackend::kOneDnn}) {
    if (name != linear_backend_name(backend)) continue;
    if (backend == LinearBackend::kOneDnn && !onednn())
      throw Error(Status::kUnsupported,
                  "OFT_LINEAR is \"onednn\", but this libtorch was built without oneDNN; set it to "
                  "auto or blas, or take a libtorch that has it");
    return backend;
  }
  throw Error(Status::kInvalidArgument, "OFT_LINEAR is \"" + std::string(name) +
                                            "\"; it must be auto, blas or onednn, or not be set");
}

LinearBackend linear_backend() {
  const LinearBackend wanted = wanted_backend();
  return wanted == LinearBackend::kAuto ? measured.load() : wanted;
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight,
                  const std::optional<at::Tensor>& bias, LinearBackend backend) {
  if (backend == LinearBackend::kBlas || !suits_onednn(x, weight, bias))
    return at::linear(x, weight, bias);
  if (backend == LinearBackend::kAuto && chosen_backend() == LinearBackend::kBlas)
    return at::linear(x, weight, bias);
  const std::optional<at::Tensor> defined = bias && bias->defined() ? bias : std::nullopt;
  const bool records =
      at::GradMode::is_enabled() && (x.requires_grad() || (defined && defined->requires_grad()));
  return records ? FrozenLinear::apply(x, weight, defined) : onednn_linear(x, weight, defined);
}

at::Tensor functional::linear(const at::Tensor& x, const at::Tensor& weight,
                              const std::optional<at::Tensor>& bias) {
  static const auto operation = c10::Dispatcher::singleton()
                                    .findSchemaOrThrow("oft::linear", "")
                                    .typed<at::Tensor(const at::Tensor&, const at::Tensor&,
                                                      const std::optional<at::Tensor>&)>();
  return operation.call(x, weight, bias);
}

}  // namespace oft

TORCH_LIBRARY_FRAGMENT(oft, library) {
  library.def("linear(Tensor x, Tensor weight, Tensor? bias=None) -> Tensor",
              oft::linear_by_choice);
}
