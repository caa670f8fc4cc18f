#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapter_parameters.hpp"
#include "model_strength.hpp"
#include "oft/module_tree.hpp"

namespace oft {

/// An adapter in a live model. Guarded by the model's mutex.
class Adapter {
 public:
  /// Without parameters, it waits for a file.
  Adapter(std::string name, std::shared_ptr<const AdapterPlan> plan,
          std::optional<AdapterParameters> parameters);

  const std::string& name() const { return name_; }
  const AdapterPlan& plan() const { return *plan_; }
  const OFTConfig& config() const { return plan_->config; }
  bool is_materialized() const { return parameters_.has_value(); }

  /// Throws Error(kInvalidState) where they have not been loaded.
  const AdapterParameters& parameters() const;

  /// Whether an optimizer may step them once it is active.
  bool can_train() const { return !config().inference_mode; }
  void set_trainable(bool on);
  bool is_trainable() const;

  double strength() const { return strength_; }
  /// `scaled`: what was computed for it already, or null.
  void set_strength(double strength, std::shared_ptr<const ScaledParameters> scaled);

  /// The adapter at this moment, and as it would be at another strength. Aliases are as
  /// AdapterParameters::alias has them.
  AdapterSnapshot snapshot(bool differentiable) const;
  AdapterSnapshot snapshot_at(double strength) const;
  /// Takes what was computed from a snapshot, unless the adapter is another by now.
  void keep(const std::shared_ptr<const ScaledParameters>& scaled);

  /// COFT as PEFT has it: the parameters themselves are brought within the radius.
  void project();

  /// Takes over other parameters of the same shape without a change of the tensors' identity, so
  /// that optimizers go on with them; whoever uses the old values meanwhile keeps them. False where
  /// the shapes differ.
  bool try_assign(const AdapterParameters& other);

  /// Changes whenever a value or the strength does, except by an optimizer that writes past
  /// libtorch's count of versions, as its SGD does.
  std::vector<std::uint64_t> stamp() const;

  /// Aliases of the tensors that rotations are computed from, where there can be such an optimizer.
  std::vector<at::Tensor> watched() const;

  /// By names as they are in trainable_parameters.
  std::vector<NamedTensor> named_tensors() const;

 private:
  std::string name_;
  std::shared_ptr<const AdapterPlan> plan_;
  std::optional<AdapterParameters> parameters_;
  double strength_ = 1;
  std::shared_ptr<const ScaledParameters> scaled_;
  std::uint64_t generation_ = 0;  // versions do not tell that a tensor's memory is another
};

}  // namespace oft
