#pragma once

#include <ATen/core/grad_mode.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/tensor.h>
#include <torch/optim/adamw.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "oft/model.hpp"

namespace oft::testing {

struct Schedule {
  int steps;
  double learning_rate;
  double weight_decay;
};

/// What training.py records of PEFT's side.
struct LiveRun {
  at::Tensor output;                            ///< before the steps, in evaluation mode
  at::Tensor losses;                            ///< of each step
  std::map<std::string, at::Tensor> gradients;  ///< of the first step
  at::Tensor trained;                           ///< after the steps, in evaluation mode
};

/// Runs the model with what is active.
using LiveForward = std::function<at::Tensor(const Activation&)>;

/// Rotations by PEFT's names, all others by the names that they have in the base.
inline std::map<std::string, at::Tensor> live_gradients(const OFTModel& model) {
  std::map<std::string, at::Tensor> gradients;
  for (const OFTModel::LayerParameter& parameter : model.layer_parameters())
    if (parameter.grad.defined()) gradients[parameter.name] = parameter.grad.clone();
  for (const auto& [name, tensor] : model.named_trainable_parameters()) {
    const std::string marker = "modules_to_save.";
    const std::size_t begin = name.find(marker);
    if (begin == std::string::npos || !tensor.grad().defined()) continue;
    const std::size_t end = name.find('.', begin + marker.size()) + 1;
    gradients[name.substr(0, begin) + name.substr(end)] = tensor.grad().clone();
  }
  return gradients;
}

/// Steps of AdamW on the mean squared error.
inline LiveRun live_run(OFTModel& model, const LiveForward& forward, const at::Tensor& target,
                        const Schedule& schedule) {
  const auto evaluate = [&] {
    const at::NoGradGuard no_grad;
    model.train(false);
    return forward(model.activate());
  };
  LiveRun run;
  run.output = evaluate();
  model.train();
  torch::optim::AdamW optimizer(
      model.trainable_parameters(),
      torch::optim::AdamWOptions(schedule.learning_rate).weight_decay(schedule.weight_decay));
  std::vector<double> losses;
  for (int step = 0; step < schedule.steps; ++step) {
    const at::Tensor loss = at::mse_loss(forward(model.activate()), target);
    losses.push_back(loss.item<double>());
    optimizer.zero_grad();
    loss.backward();
    if (step == 0) run.gradients = live_gradients(model);
    optimizer.step();
  }
  run.losses = at::tensor(losses, at::kDouble);
  run.trained = evaluate();
  return run;
}

}  // namespace oft::testing
