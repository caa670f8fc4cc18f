#include "blend_config.hpp"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "foreign_adapter.hpp"
#include "oft/error.hpp"

namespace oft {
namespace {

std::set<std::string> layer_names(const AdapterFile& file) {
  std::set<std::string> names;
  for (const AdapterLayer& layer : file.layers) names.insert(layer.name);
  return names;
}

const AdapterFile* first_of_peft(const std::vector<BlendPart>& parts) {
  const auto found = std::find_if(parts.begin(), parts.end(), [](const BlendPart& part) {
    return is_peft(part.adapter.format);
  });
  return found == parts.end() ? nullptr : &found->adapter;
}

/// "all" announces more biases than "oft_only", that more than "none".
std::string widest_bias(const std::vector<BlendPart>& parts) {
  std::string widest = "none";
  for (const BlendPart& part : parts) {
    const std::string& bias = part.adapter.config.bias;
    if (bias == "all" || widest == "none") widest = bias;
  }
  return widest;
}

std::optional<std::vector<std::string>> all_saved_modules(const std::vector<BlendPart>& parts) {
  std::set<std::string> modules;
  for (const BlendPart& part : parts)
    if (part.adapter.config.modules_to_save)
      modules.insert(part.adapter.config.modules_to_save->begin(),
                     part.adapter.config.modules_to_save->end());
  if (modules.empty()) return std::nullopt;
  return std::vector<std::string>(modules.begin(), modules.end());
}

bool common_fan_in_fan_out(const std::vector<BlendPart>& parts, const AdapterFile& first) {
  for (const BlendPart& part : parts)
    if (is_peft(part.adapter.format) &&
        part.adapter.config.fan_in_fan_out != first.config.fan_in_fan_out)
      throw Error(Status::kInvalidArgument,
                  part.adapter.path.string() +
                      ": its fan_in_fan_out differs from that of the adapters before; one "
                      "config cannot say both");
  return first.config.fan_in_fan_out;
}

/// The name that all configs agree on.
std::optional<std::string> common_base(const std::vector<BlendPart>& parts,
                                       std::vector<std::string>& warnings) {
  std::set<std::string> names;
  for (const BlendPart& part : parts)
    if (const auto& name = part.adapter.config.base_model_name_or_path) names.insert(*name);
  if (names.size() == 1) return *names.begin();
  if (names.size() > 1)
    warnings.push_back("the adapters name different base models, '" + *names.begin() + "' and '" +
                       *std::next(names.begin()) + "'; the blended one names none");
  return std::nullopt;
}

}  // namespace

std::map<std::string, at::Tensor> blend_replacements(const std::vector<BlendPart>& parts,
                                                     bool force,
                                                     std::vector<std::string>& warnings) {
  std::map<std::string, at::Tensor> result;
  std::map<std::string, double> weights;
  std::set<std::string> kept_whole;
  for (const BlendPart& part : parts)
    for (const auto& [name, tensor] : part.adapter.replacements) {
      if (part.weight != 1) kept_whole.insert(name);
      const auto [position, is_new] = result.emplace(name, tensor);
      if (is_new) {
        weights[name] = std::abs(part.weight);
        continue;
      }
      const bool agrees = position->second.sizes() == tensor.sizes() &&
                          position->second.scalar_type() == tensor.scalar_type() &&
                          position->second.equal(tensor);
      if (agrees) continue;
      const std::string text =
          "the adapters disagree on '" + name + "', which is no rotation and has no blend";
      if (!force)
        throw Error(Status::kInvalidArgument,
                    text + " (use force to take that of the largest weight)");
      warnings.push_back(text + "; that of the largest weight is taken");
      if (std::abs(part.weight) <= weights[name]) continue;
      position->second = tensor;
      weights[name] = std::abs(part.weight);
    }
  for (const std::string& name : kept_whole)
    warnings.push_back("'" + name + "' is no rotation, so its adapter's weight does not change it");
  return result;
}

OFTConfig blend_config(const std::vector<BlendPart>& parts, const AdapterFile& result,
                       const std::vector<LayerBlocks>& blocks) {
  OFTConfig config;
  const std::set<std::string> names = layer_names(result);
  config.target_modules = std::vector<std::string>(names.begin(), names.end());
  if (const AdapterFile* first = first_of_peft(parts)) {
    const OFTConfig& source = first->config;
    config.task_type = source.task_type;
    config.auto_mapping = source.auto_mapping;
    config.fan_in_fan_out = common_fan_in_fan_out(parts, *first);
    if (layer_names(*first) == names) {
      config.target_modules = source.target_modules;
      config.exclude_modules = source.exclude_modules;
      config.layers_to_transform = source.layers_to_transform;
      config.layers_pattern = source.layers_pattern;
    }
  }
  config.base_model_name_or_path = common_base(parts, config.warnings);
  config.bias = widest_bias(parts);
  config.modules_to_save = all_saved_modules(parts);
  config.block_share = result.config.block_share;
  config.inference_mode = true;
  std::vector<OFTConfig> candidates;
  for (const BlendPart& part : parts) candidates.push_back(part.adapter.config);
  announce_blocks(config, candidates, blocks);
  config.validate();
  return config;
}

}  // namespace oft
