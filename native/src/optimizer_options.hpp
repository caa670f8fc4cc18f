#pragma once

#include <torch/optim/adagrad.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>

#include <array>

/// What the five optimizers of libtorch have in common under other names.
namespace oft {

/// The numbers that an option takes.
enum class Limit { kNone, kNotNegative };

/// Calls `visit(name, reference, limit)` for each number, `visit(name, reference)` for each flag
/// and pair of decay rates.
template <typename AdamLike, typename Visit>
requires requires(AdamLike& options) { options.amsgrad(); }
void visit_options(AdamLike& options, Visit&& visit) {
  visit("lr", options.lr(), Limit::kNotNegative);
  visit("betas", options.betas());
  visit("eps", options.eps(), Limit::kNotNegative);
  visit("weight_decay", options.weight_decay(), Limit::kNotNegative);
  visit("amsgrad", options.amsgrad());
}

template <typename Visit>
void visit_options(torch::optim::SGDOptions& options, Visit&& visit) {
  visit("lr", options.lr(), Limit::kNotNegative);
  visit("momentum", options.momentum(), Limit::kNotNegative);
  visit("dampening", options.dampening(), Limit::kNone);
  visit("weight_decay", options.weight_decay(), Limit::kNotNegative);
  visit("nesterov", options.nesterov());
}

template <typename Visit>
void visit_options(torch::optim::AdagradOptions& options, Visit&& visit) {
  visit("lr", options.lr(), Limit::kNotNegative);
  visit("lr_decay", options.lr_decay(), Limit::kNotNegative);
  visit("weight_decay", options.weight_decay(), Limit::kNotNegative);
  visit("eps", options.eps(), Limit::kNotNegative);
}

template <typename Visit>
void visit_options(torch::optim::RMSpropOptions& options, Visit&& visit) {
  visit("lr", options.lr(), Limit::kNotNegative);
  visit("alpha", options.alpha(), Limit::kNotNegative);
  visit("eps", options.eps(), Limit::kNotNegative);
  visit("weight_decay", options.weight_decay(), Limit::kNotNegative);
  visit("momentum", options.momentum(), Limit::kNotNegative);
  visit("centered", options.centered());
}

/// The tensors of a parameter's state, each defined or not.
template <typename AdamLike>
requires requires(AdamLike& state) { state.exp_avg(); }
auto state_tensors(AdamLike& state) {
  return std::array{&state.exp_avg(), &state.exp_avg_sq(), &state.max_exp_avg_sq()};
}
inline auto state_tensors(torch::optim::SGDParamState& state) {
  return std::array{&state.momentum_buffer()};
}
inline auto state_tensors(torch::optim::AdagradParamState& state) {
  return std::array{&state.sum()};
}
inline auto state_tensors(torch::optim::RMSpropParamState& state) {
  return std::array{&state.square_avg(), &state.momentum_buffer(), &state.grad_avg()};
}

/// The option that needs a tensor which this state lacks, or NULL. libtorch makes such tensors at a
/// parameter's first step only.
template <typename AdamLikeOptions, typename AdamLikeState>
requires requires(AdamLikeState& state) { state.exp_avg(); }
const char* option_without_state(AdamLikeOptions& options, AdamLikeState& state) {
  return options.amsgrad() && !state.max_exp_avg_sq().defined() ? "amsgrad" : nullptr;
}
inline const char* option_without_state(torch::optim::SGDOptions&, torch::optim::SGDParamState&) {
  return nullptr;
}
inline const char* option_without_state(torch::optim::AdagradOptions&,
                                        torch::optim::AdagradParamState&) {
  return nullptr;
}
inline const char* option_without_state(torch::optim::RMSpropOptions& options,
                                        torch::optim::RMSpropParamState& state) {
  if (options.centered() && !state.grad_avg().defined()) return "centered";
  return options.momentum() > 0 && !state.momentum_buffer().defined() ? "momentum" : nullptr;
}

}  // namespace oft
