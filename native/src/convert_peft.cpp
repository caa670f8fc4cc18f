#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>

#include <set>

#include "adapter_keys.hpp"
#include "adapter_tensors.hpp"
#include "block_config.hpp"
#include "conversion.hpp"
#include "files.hpp"
#include "foreign_adapter.hpp"
#include "json_text.hpp"
#include "merge_plan.hpp"
#include "oft/error.hpp"
#include "text.hpp"

namespace oft {
namespace {

/// What a folder of PEFT has words for: inputs, of one model.
void require_expressible(const Conversion& conversion) {
  for (const AdapterLayer& layer : conversion.adapter.layers) {
    if (layer.side == Side::kOutput)
      throw Error(Status::kUnsupported,
                  "layer '" + layer.name + "': " + conversion.adapter.maker() +
                      " turns outputs, and PEFT's OFT inputs only: W R^T is no R' W; merge the "
                      "adapter, or convert it to 'lora' or 'full' with its base");
    if (!layer.is_finite())
      throw Error(Status::kInvalidArgument,
                  "layer '" + layer.name + "': its parameters hold NaN or infinity");
  }
  conversion.require_one_model();
}

/// The parameters of `rotation` by `formula`.
at::Tensor parameters_by(const Rotation& rotation, Formula formula) {
  const RotationSpec& spec = rotation.spec();
  if (spec.formula == formula && !spec.coft_eps) return rotation.q();
  if (spec.formula == formula) return upper_from_skew(rotation.skew(at::kDouble));
  const Rotation exact = rotation.power(1);
  return formula == Formula::kCayley ? exact.q() : -exact.q();
}

/// The formula that all layers get, by what was asked for and what the format can say.
Formula target_formula(const Conversion& conversion) {
  if (conversion.options.formula) return *conversion.options.formula;
  const Formula formula = rotation_spec(conversion.adapter.config).formula;
  if (formula == Formula::kCayleyNeumannLegacy)
    throw Error(Status::kUnsupported,
                "the Neumann series of PEFT 0.16-0.17 cannot be said to PEFT >= 0.18, which has "
                "another one under the same name; ask for the formula 'cayley' (the nearest "
                "rotation) or 'cayley_neumann'");
  return formula;
}

/// A config for the layers of the adapter, with the formula and blocks still to be set.
OFTConfig peft_config(const AdapterFile& adapter) {
  OFTConfig config = adapter.config;
  config.peft_version = OFTConfig().peft_version;
  config.warnings.clear();
  if (is_peft(adapter.format)) return config;
  std::set<std::string> names;
  for (const AdapterLayer& layer : adapter.layers) names.insert(layer.name);
  config.target_modules = std::vector<std::string>(names.begin(), names.end());
  return config;
}

bool is_one(const at::Tensor& row_scale) {
  return !row_scale.defined() || row_scale.eq(1).all().item<bool>();
}

/// The outputs of a layer, which `oft_s` has a number for.
std::int64_t legacy_outputs(const Conversion& conversion, const AdapterLayer& layer) {
  if (layer.is_embedding || conversion.adapter.config.fan_in_fan_out)
    throw Error(Status::kUnsupported, "layer '" + layer.name +
                                          "': PEFT 0.14 and 0.15 turn inputs of Linear and Conv2d "
                                          "only");
  if (layer.row_scale.defined()) return layer.row_scale.size(0);
  const Checkpoint& base =
      conversion.need_base(layer, "for PEFT 0.15 stores a number for each output");
  const Checkpoint::Location* location = base.find(layer.name + ".weight");
  if (location == nullptr)
    throw Error(Status::kInvalidArgument,
                base.path().string() + ": " + missing_layers_text({layer.name}, 1, base));
  return location->entry->shape.front();
}

/// Without the keys that PEFT 0.15 does not know and would refuse.
std::string legacy_config_text(const OFTConfig& config) {
  OFTConfig written = config;
  written.inference_mode = true;
  written.peft_version.reset();
  written.alpha_pattern.clear();
  Json document = Json::parse(written.to_json());
  document.erase("use_cayley_neumann");
  document.erase("num_cayley_neumann_terms");
  return dump_like_python(document);
}

}  // namespace

void convert_to_peft(Conversion& conversion) {
  require_expressible(conversion);
  const AdapterFile& adapter = conversion.adapter;
  const Formula formula = target_formula(conversion);
  OFTConfig config = peft_config(adapter);
  config.use_cayley_neumann = formula == Formula::kCayleyNeumann;
  // A radius stays where the parameters do, so that training can go on within it.
  config.coft = config.coft && adapter.format == AdapterFormat::kPeft &&
                rotation_spec(adapter.config).formula == formula;
  config.block_share = config.block_share && is_peft(adapter.format);

  AdapterFile result(config);
  std::vector<LayerBlocks> blocks;
  for (const AdapterLayer& layer : adapter.layers) {
    const Rotation rotation = conversion.rotations(layer).front();
    if (!is_one(rotation.row_scale()))
      throw Error(Status::kUnsupported,
                  "layer '" + layer.name +
                      "': it scales the rows of its weight, which PEFT >= 0.16 has no word for; "
                      "merge the adapter, or convert it to 'lora' or 'full' with its base");
    at::Tensor q = config.coft ? rotation.q() : parameters_by(rotation, formula);
    if (rotation.spec().block_share && !config.block_share) q = q.expand({rotation.blocks(), -1});
    q = q.to(conversion.options.dtype.value_or(rotation.q().scalar_type())).contiguous();

    ConvertedLayer& row = conversion.add_row(layer, {rotation});
    row.error = worst_difference(Rotation(q, rotation.features(), rotation_spec(config)), rotation);
    result.put(layer.name, layer.is_embedding, q);
    const bool tells_features = !config.block_share || !conversion.bases.empty();
    blocks.push_back({layer.name, rotation.block_size(),
                      tells_features ? std::optional(rotation.features()) : std::nullopt});
  }
  announce_blocks(result.config, {adapter.config}, blocks);
  result.replacements = adapter.replacements;
  conversion.report.formula = formula;
  conversion.report.warnings.insert(conversion.report.warnings.end(),
                                    result.config.warnings.begin(), result.config.warnings.end());
  write_folder(conversion, [&](const std::filesystem::path& folder) { result.save(folder); });
}

void convert_to_legacy_peft(Conversion& conversion) {
  require_expressible(conversion);
  const AdapterFile& adapter = conversion.adapter;
  const Formula formula =
      conversion.options.formula.value_or(rotation_spec(adapter.config).formula);
  if (formula != Formula::kCayley)
    throw Error(Status::kUnsupported,
                "PEFT 0.14 and 0.15 have no Neumann series; ask for the formula 'cayley', the "
                "nearest rotation");
  OFTConfig config = peft_config(adapter);
  config.coft = false;
  config.block_share = config.block_share && is_peft(adapter.format);

  std::map<std::string, at::Tensor> tensors;
  std::vector<LayerBlocks> blocks;
  for (const AdapterLayer& layer : adapter.layers) {
    const Rotation rotation = conversion.rotations(layer).front();
    const std::int64_t outputs = legacy_outputs(conversion, layer);
    at::Tensor q = parameters_by(rotation, formula);
    if (rotation.spec().block_share && !config.block_share) q = q.expand({rotation.blocks(), -1});
    const at::ScalarType dtype = conversion.options.dtype.value_or(rotation.q().scalar_type());
    q = q.to(dtype);
    const at::Tensor& scale = rotation.row_scale();
    const std::string name = std::string(kPeftPrefix) + layer.name;
    tensors[name + ".oft_r"] = skew_from_upper(q, rotation.block_size());
    tensors[name + ".oft_s"] = scale.defined() ? scale.to(dtype).reshape({outputs, 1})
                                               : at::ones({outputs, 1}, q.options());
    RotationSpec spec;
    spec.block_share = config.block_share;
    conversion.add_row(layer, {rotation}).error =
        worst_difference(Rotation(q, rotation.features(), spec), rotation);
    blocks.push_back({layer.name, rotation.block_size(), rotation.features()});
  }
  announce_blocks(config, {adapter.config}, blocks);
  if (!config.rank_pattern.empty())
    throw Error(Status::kUnsupported,
                "the layers' block sizes differ as no r or oft_block_size has them, and PEFT 0.15 "
                "has no rank_pattern");
  for (const auto& [name, tensor] : adapter.replacements)
    tensors[std::string(kPeftPrefix) + adapter.stored_name(name)] = tensor;
  conversion.report.formula = formula;
  write_folder(conversion, [&](const std::filesystem::path& folder) {
    write_adapter_tensors(folder / "adapter_model.safetensors", tensors);
    write_text_file(folder / "adapter_config.json", legacy_config_text(config));
  });
}

}  // namespace oft
