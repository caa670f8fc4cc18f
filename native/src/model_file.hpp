#pragma once

#include <string>
#include <vector>

#include "model_layers.hpp"
#include "oft/adapter_file.hpp"
#include "oft/rotation.hpp"

namespace oft {

/// What an adapter file makes of a model.
struct FilePlan {
  AdapterPlan plan;
  std::vector<Rotation> rotations;  ///< by AdapterPlan::layers
};

/// How a file is used in a model, that of another maker than PEFT by `plan_foreign`. Unless
/// `inference_mode`, it is to be trained.
/// Throws what `plan_adapter` throws, Error(kInvalidArgument) listing layers that file or model
/// lacks, Error(kUnsupported) for what is to be trained and cannot be.
FilePlan plan_file(const PreparedTree& tree, const AdapterFile& file, bool inference_mode,
                   const ModelFacts& facts);

/// The same for a file of another maker, without a config that says targets and block sizes: they
/// are those of its layers. Where it holds several components of a pipeline, the one counts whose
/// layers are all in the model and fit it.
/// Throws Error(kInvalidArgument) where none is, listing the components and why, or where several
/// are.
FilePlan plan_foreign(const PreparedTree& tree, const AdapterFile& file);

/// The path of a file, for messages.
std::string origin_text(const AdapterFile& file);

/// "; nearest to the first: 'a'" for the first of `missing`.
std::string nearest_text(const std::vector<std::string>& missing,
                         const std::vector<std::string>& candidates);

}  // namespace oft
