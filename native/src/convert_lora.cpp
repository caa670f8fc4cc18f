#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>

#include <algorithm>

#include "adapter_keys.hpp"
#include "adapter_tensors.hpp"
#include "conversion.hpp"
#include "files.hpp"
#include "json_text.hpp"
#include "low_rank.hpp"
#include "weight_change.hpp"

namespace oft {
namespace {

/// B A of a layer, both flat, and the shapes that PEFT stores them in.
struct LoraLayer {
  std::string name;
  LowRank factors;
  std::vector<std::int64_t> a_shape;  ///< [rank, ...], the rank as padding leaves it
  std::vector<std::int64_t> b_shape;
  bool is_embedding = false;
};

/// The change as the matrix that B A is to be: what PEFT adds to a Linear's [out, in], to the
/// transpose of an Embedding's or a Conv1D's weight, to a flat convolution's.
at::Tensor lora_matrix(const WeightChange& change) {
  const bool is_transposed =
      change.kind == LayerKind::kConv1D || change.kind == LayerKind::kEmbedding;
  return is_transposed ? change.change.t() : change.change.flatten(1);
}

LoraLayer lora_layer(const AdapterLayer& layer, const WeightChange& change, std::int64_t rank) {
  LoraLayer result{layer.name,
                   low_rank(lora_matrix(change), rank),
                   {},
                   {},
                   change.kind == LayerKind::kEmbedding};
  result.a_shape = {-1, result.factors.a.size(1)};
  result.b_shape = {result.factors.b.size(0), -1};
  // A convolution by A of the layer's own kernel, then a pointwise one by B.
  const at::IntArrayRef shape = change.weight.sizes();
  if (shape.size() > 2) {
    result.a_shape.assign(shape.begin(), shape.end());
    result.a_shape.front() = -1;
    result.b_shape.resize(shape.size(), 1);
  }
  return result;
}

void add_tensors(std::map<std::string, at::Tensor>& tensors, const LoraLayer& layer,
                 std::int64_t rank, at::ScalarType dtype) {
  const std::int64_t missing = rank - layer.factors.a.size(0);
  const at::Tensor a = at::constant_pad_nd(layer.factors.a, {0, 0, 0, missing});
  const at::Tensor b = at::constant_pad_nd(layer.factors.b, {0, missing});
  std::vector<std::int64_t> b_shape = layer.b_shape;
  b_shape[1] = rank;
  const std::string name = std::string(kPeftPrefix) + layer.name;
  tensors[name + (layer.is_embedding ? ".lora_embedding_A" : ".lora_A.weight")] =
      a.reshape(layer.a_shape).to(dtype);
  tensors[name + (layer.is_embedding ? ".lora_embedding_B" : ".lora_B.weight")] =
      b.reshape(b_shape).to(dtype);
}

std::string lora_config_text(const Conversion& conversion, const std::vector<LoraLayer>& layers,
                             std::int64_t rank) {
  const OFTConfig& source = conversion.adapter.config;
  std::vector<std::string> targets;
  for (const LoraLayer& layer : layers) targets.push_back(layer.name);
  const auto or_null = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  return dump_like_python(
      with_sorted_keys(Json{{"peft_type", "LORA"},
                            {"peft_version", *OFTConfig().peft_version},
                            {"auto_mapping", parse_json(source.auto_mapping, "auto_mapping")},
                            {"base_model_name_or_path", or_null(source.base_model_name_or_path)},
                            {"revision", or_null(source.revision)},
                            {"task_type", or_null(source.task_type)},
                            {"inference_mode", true},
                            {"r", rank},
                            {"lora_alpha", rank},
                            {"lora_dropout", 0.0},
                            {"target_modules", targets},
                            {"exclude_modules", nullptr},
                            {"fan_in_fan_out", source.fan_in_fan_out},
                            {"bias", source.bias == "oft_only" ? "lora_only" : source.bias},
                            {"modules_to_save", or_null(source.modules_to_save)},
                            {"layers_to_transform", nullptr},
                            {"layers_pattern", nullptr},
                            {"rank_pattern", Json::object()},
                            {"alpha_pattern", Json::object()},
                            {"init_lora_weights", true},
                            {"use_rslora", false},
                            {"use_dora", false}}));
}

}  // namespace

void convert_to_lora(Conversion& conversion) {
  conversion.require_one_model();
  const AdapterFile& adapter = conversion.adapter;
  ConvertReport& report = conversion.report;
  std::vector<LoraLayer> layers;
  double energy = 0;
  double lost = 0;
  std::int64_t rank = 1;
  for (const AdapterLayer& layer : adapter.layers) {
    const auto change = weight_change(conversion, layer);
    if (!change) continue;
    const double norm = change->change.norm().item<double>();
    layers.push_back(lora_layer(layer, *change, conversion.options.rank));
    const LowRank& factors = layers.back().factors;
    ConvertedLayer& row = report.layers.back();
    row.error = norm > 0 ? factors.residual / norm : 0;
    row.energy_kept = 1 - row.error * row.error;
    row.rank = factors.a.size(0);
    rank = std::max(rank, *row.rank);
    energy += norm * norm;
    lost += factors.residual * factors.residual;
  }
  report.energy_kept = energy > 0 ? 1 - lost / energy : 1;
  std::map<std::string, at::Tensor> tensors;
  const at::ScalarType dtype = conversion.options.dtype.value_or(at::kFloat);
  for (const LoraLayer& layer : layers) add_tensors(tensors, layer, rank, dtype);
  for (const auto& [name, tensor] : adapter.replacements)
    tensors[std::string(kPeftPrefix) + adapter.stored_name(name)] = tensor;
  write_folder(conversion, [&](const std::filesystem::path& folder) {
    write_adapter_tensors(folder / "adapter_model.safetensors", tensors);
    write_text_file(folder / "adapter_config.json", lora_config_text(conversion, layers, rank));
  });
}

}  // namespace oft
