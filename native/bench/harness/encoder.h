#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/optim/adamw.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oft/model.hpp"
#include "oft/rotation.hpp"
#include "session.h"

namespace oft::bench {

/// A real model as TorchScript, all its Linear layers adapted: all-MiniLM-L6-v2, or where the run
/// is tiny a network of the tests.
struct Encoder {
  std::filesystem::path script;
  std::filesystem::path checkpoint;  ///< what PEFT's side is made of; empty: there is none
  std::filesystem::path workspace;   ///< with inputs and adapters
  std::vector<std::string> targets;

  /// Writes inputs and adapters. Nothing where there is no such model, which the session is told.
  static std::optional<Encoder> prepare(Session& session);

  std::filesystem::path inputs_file() const { return workspace / "encoder.pt"; }
  std::filesystem::path adapter(const RotationSpec& spec) const;

  /// What the peer needs to know; `method` is bare, lora or oft.
  Json request(const std::string& work, const std::string& method, const RotationSpec& spec) const;
};

inline constexpr double kLearningRate = 1e-4;
inline constexpr int kCheckedSteps = 3;

/// The encoder in this process, alone or with an adapter.
class LiveEncoder {
 public:
  explicit LiveEncoder(const Encoder& encoder);
  LiveEncoder(const Encoder& encoder, const RotationSpec& spec);

  /// Without gradients; `batch` is "batch" or "single".
  at::Tensor forward(const std::string& batch);
  /// The same with the adapter merged, which then stays so.
  at::Tensor merged_forward(const std::string& batch);

  /// Forward, loss, backward and AdamW on the batch; returns the loss.
  double step();
  /// The losses of the first steps.
  at::Tensor losses();

 private:
  std::vector<c10::IValue> inputs(const std::string& batch) const;

  Tensors data_;
  torch::jit::Module script_;
  std::optional<OFTModel> model_;
  std::unique_ptr<torch::optim::AdamW> optimizer_;
};

}  // namespace oft::bench
