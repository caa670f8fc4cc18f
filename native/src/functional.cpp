#include "oft/functional.hpp"

#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <string>

#include "cayley.hpp"
#include "cayley_backward.hpp"
#include "dtypes.hpp"
#include "oft/error.hpp"
#include "rotate_blocks.hpp"
#include "text.hpp"

namespace oft::functional {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Keeps autocast from lowering the precision of libtorch's operators that are used inside.
class WithoutAutocast {
  c10::impl::ExcludeDispatchKeyGuard guard_{c10::autocast_dispatch_keyset};
};

void require_first_derivative(const char* operation) {
  if (c10::GradMode::is_enabled())
    throw Error(Status::kUnsupported, std::string(operation) +
                                          " has no second derivative; call backward without "
                                          "create_graph");
}

void check_fits(const at::Tensor& x, const at::Tensor& r) {
  if (!is_rotatable(x.scalar_type()))
    throw Error(Status::kInvalidArgument, "input of " + torch_name(x.scalar_type()) +
                                              " cannot be rotated; convert it to float16, "
                                              "bfloat16, float32 or float64");
  const at::ScalarType expected = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  if (r.scalar_type() != expected)
    throw Error(Status::kInvalidArgument, "rotation blocks of " + torch_name(r.scalar_type()) +
                                              " for an input of " + torch_name(x.scalar_type()) +
                                              "; they must be " + torch_name(expected));
  const bool blocks = r.dim() == 3 && r.size(0) > 0 && r.size(1) > 0 && r.size(1) == r.size(2);
  if (!blocks || x.dim() == 0 || x.size(-1) % r.size(1) != 0 ||
      (r.size(0) != 1 && r.size(0) * r.size(1) != x.size(-1)))
    throw Error(Status::kInvalidArgument, "rotation blocks of shape " + shape_text(r.sizes()) +
                                              " do not fit an input of shape " +
                                              shape_text(x.sizes()) +
                                              "; expected [features / b or 1, b, b]");
}

struct Rotate : torch::autograd::Function<Rotate> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& r) {
    ctx->save_for_backward({r.requires_grad() ? x : at::Tensor(), r});
    return rotate_blocks(x, r);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    require_first_derivative("oft::rotate");
    const WithoutAutocast precise;
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor& r = saved[1];
    return {
        ctx->needs_input_grad(0) ? rotate_blocks(grads[0], r.transpose(1, 2)) : at::Tensor(),
        ctx->needs_input_grad(1) ? rotate_blocks_backward(saved[0], grads[0], r) : at::Tensor()};
  }
};

struct Cayley : torch::autograd::Function<Cayley> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& q, std::int64_t block_size,
                            const RotationSpec& spec) {
    at::Tensor r = oft::cayley(q, block_size, spec);
    const bool exact = spec.formula == Formula::kCayley;
    ctx->save_for_backward({exact ? r : q});
    ctx->saved_data["formula"] = static_cast<std::int64_t>(spec.formula);
    ctx->saved_data["terms"] = spec.terms;
    return r;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    require_first_derivative("oft::functional::cayley");
    const WithoutAutocast precise;
    const RotationSpec spec{.formula = static_cast<Formula>(ctx->saved_data["formula"].toInt()),
                            .terms = ctx->saved_data["terms"].toInt()};
    const at::Tensor saved = ctx->get_saved_variables()[0];
    return {spec.formula == Formula::kCayley ? cayley_exact_backward(saved, grads[0])
                                             : cayley_series_backward(saved, grads[0], spec),
            at::Tensor(), at::Tensor()};
  }
};

template <typename Step>
at::Tensor in_turn(const at::Tensor& x, at::TensorList rotations, Step rotate_by) {
  const WithoutAutocast precise;
  at::Tensor y = x;
  for (const at::Tensor& r : rotations) {
    check_fits(y, r);
    y = rotate_by(y, r);
  }
  return y;
}

/// The operator's kernel where nothing records gradients.
at::Tensor rotate_plainly(const at::Tensor& x, at::TensorList rotations) {
  return in_turn(x, rotations, rotate_blocks);
}

/// The operator's kernel where something may.
at::Tensor rotate_recorded(const at::Tensor& x, at::TensorList rotations) {
  if (!c10::GradMode::is_enabled()) return rotate_plainly(x, rotations);
  return in_turn(x, rotations,
                 [](const at::Tensor& y, const at::Tensor& r) { return Rotate::apply(y, r); });
}

}  // namespace

at::Tensor rotate(const at::Tensor& x, at::TensorList rotations) {
  static const auto operation = c10::Dispatcher::singleton()
                                    .findSchemaOrThrow("oft::rotate", "")
                                    .typed<at::Tensor(const at::Tensor&, at::TensorList)>();
  return operation.call(x, rotations);
}

at::Tensor cayley(const at::Tensor& q, std::int64_t block_size, const RotationSpec& spec) {
  const WithoutAutocast precise;
  if (q.dim() != 2 || block_size < 1 || q.size(1) != block_size * (block_size - 1) / 2 ||
      (q.scalar_type() != at::kFloat && q.scalar_type() != at::kDouble))
    throw Error(Status::kInvalidArgument, "rotation parameters: shape " + shape_text(q.sizes()) +
                                              " of " + torch_name(q.scalar_type()) +
                                              "; expected float32 or float64 [blocks, " +
                                              std::to_string(block_size * (block_size - 1) / 2) +
                                              "] for blocks of " + std::to_string(block_size));
  return Cayley::apply(q, block_size, spec);
}

}  // namespace oft::functional

TORCH_LIBRARY(oft, library) { library.def("rotate(Tensor(a) x, Tensor[] rotations) -> Tensor(a)"); }
TORCH_LIBRARY_IMPL(oft, CompositeExplicitAutograd, library) {
  library.impl("rotate", oft::functional::rotate_plainly);
}
TORCH_LIBRARY_IMPL(oft, Autograd, library) {
  library.impl("rotate", oft::functional::rotate_recorded);
}
