#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model_layers.hpp"
#include "oft/adapter_file.hpp"
#include "oft/rotation.hpp"

namespace oft {

/// A base parameter or buffer as one adapter has it.
struct ReplacedTensor {
  std::string name;
  at::Tensor value;
  bool is_parameter;
};

/// Gives the base's tensor of a name.
using BaseTensors = std::function<at::Tensor(const std::string& name)>;

/// The tensors of one adapter: those that an optimizer steps, or aliases of them.
struct AdapterParameters {
  std::shared_ptr<const AdapterPlan> plan;
  std::vector<at::Tensor> flats;  ///< q by AdapterPlan::flats
  /// By layer, [out], of a layer's last factor; undefined where there is none.
  std::vector<at::Tensor> row_scales;
  /// Those of AdapterPlan::replaced, and embeddings that a file brings along.
  std::vector<ReplacedTensor> replaced;

  /// New leaves: q zero or N(0, 0.1) by `init_weights`, replaced tensors copied from the base.
  static AdapterParameters initial(std::shared_ptr<const AdapterPlan> plan,
                                   const PreparedTree& tree, const BaseTensors& base);

  /// New leaves with what a file holds; `rotations` and the plan are those of its FilePlan. Throws
  /// Error(kInvalidArgument) listing replaced tensors that file or model lacks, or naming the layer
  /// whose row scale does not fit.
  static AdapterParameters from_file(std::shared_ptr<const AdapterPlan> plan,
                                     const std::vector<Rotation>& rotations,
                                     const PreparedTree& tree, const BaseTensors& base,
                                     const AdapterFile& file);

  /// A copy, as it would be saved; of another maker than PEFT, the file as it was.
  AdapterFile to_file() const;

  /// The part of a layer, a view that records nothing.
  at::Tensor layer_q(const ModelLayer& layer) const;

  /// The rotation of a layer, of a copy of its parameters.
  Rotation rotation(std::size_t layer) const;

  /// One of `flats` within the COFT radius, which depends on the rows of each layer; a copy.
  at::Tensor projected(std::size_t flat) const;

  /// R of each layer, [rows, b, b], or undefined for blocks of one, which turn nothing. One Cayley
  /// transform for each flat tensor. While `training`, `module_dropout` makes some blocks I.
  std::vector<at::Tensor> matrices(bool training) const;

  /// Tensors that share memory with these: detached, or views through which gradients flow.
  AdapterParameters alias(bool differentiable) const;

  /// What can be trained: not buffers, and not the empty q of blocks of one.
  std::vector<at::Tensor> leaves() const;
};

}  // namespace oft
