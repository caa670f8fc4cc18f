#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core_support.hpp"
#include "oft/adapter_file.hpp"
#include "oft/rotation.hpp"
#include "oft/safetensors.hpp"
#include "oft/targets.hpp"

namespace oft::testing {

using nlohmann::json;

inline fs::path data_dir() { return OFT_TEST_DATA_DIR; }

inline json read_json(const fs::path& path) {
  std::ifstream file(path);
  return json::parse(file);
}

inline at::ScalarType torch_type(SafetensorsDType dtype) {
  switch (dtype) {
    case SafetensorsDType::kF16:
      return at::kHalf;
    case SafetensorsDType::kBF16:
      return at::kBFloat16;
    case SafetensorsDType::kF64:
      return at::kDouble;
    case SafetensorsDType::kF32:
      return at::kFloat;
    case SafetensorsDType::kI64:
      return at::kLong;
    default:
      throw std::runtime_error("no test reads this type");
  }
}

inline SafetensorsDType stored_type(at::ScalarType type) {
  switch (type) {
    case at::kHalf:
      return SafetensorsDType::kF16;
    case at::kBFloat16:
      return SafetensorsDType::kBF16;
    case at::kDouble:
      return SafetensorsDType::kF64;
    default:
      return SafetensorsDType::kF32;
  }
}

inline at::Tensor read_tensor(const SafetensorsFile& file, const std::string& name) {
  const SafetensorsEntry* entry = file.find(name);
  if (entry == nullptr) throw std::runtime_error("no tensor " + name);
  at::Tensor tensor = at::empty(entry->shape, at::TensorOptions().dtype(torch_type(entry->dtype)));
  file.read(*entry, 0, entry->bytes(), tensor.mutable_data_ptr());
  return tensor;
}

inline void write_tensors(const fs::path& path, const std::map<std::string, at::Tensor>& tensors) {
  std::vector<SafetensorsEntry> entries;
  for (const auto& [name, tensor] : tensors)
    entries.push_back(
        {.name = name, .dtype = stored_type(tensor.scalar_type()), .shape = tensor.sizes().vec()});
  SafetensorsWriter writer(path, std::move(entries), {{"format", "pt"}});
  std::size_t index = 0;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor data = tensor.contiguous();
    writer.write(index++, 0, data.const_data_ptr(), data.nbytes());
  }
  writer.commit(/*sync=*/false);
}

inline at::Tensor tensor_of(const json& rows, at::ScalarType type = at::kDouble) {
  std::vector<std::int64_t> shape;
  for (const json* level = &rows; level->is_array(); level = &level->front()) {
    shape.push_back(static_cast<std::int64_t>(level->size()));
    if (level->empty()) break;
  }
  std::vector<double> values;
  const std::function<void(const json&)> collect = [&](const json& value) {
    if (!value.is_array()) return values.push_back(value.get<double>());
    for (const json& item : value) collect(item);
  };
  collect(rows);
  return at::tensor(values, at::kDouble).reshape(shape).to(type);
}

inline LayerKind kind_of(const std::string& name) {
  if (name == "embedding") return LayerKind::kEmbedding;
  return name == "conv2d" ? LayerKind::kConv2d : LayerKind::kLinear;
}

/// The rotation of an adapter in twelve_digit_vectors.json.
inline RotationSpec spec_of(const json& adapter) {
  RotationSpec spec;
  const std::string formula = adapter["formula"];
  if (formula == "cayley_neumann") spec.formula = Formula::kCayleyNeumann;
  if (formula == "cayley_neumann_0.17") spec.formula = Formula::kCayleyNeumannLegacy;
  spec.terms = adapter["terms"];
  spec.block_share = adapter["block_share"];
  if (adapter["coft"] == true) spec.coft_eps = adapter["eps"].get<double>();
  return spec;
}

/// A layer that PEFT rotated, with what PEFT made of it.
struct PeftLayer {
  std::string name;
  LayerKind kind;
  std::int64_t block_size;  ///< as PEFT adjusted it
  OFTConfig config;
  Rotation rotation;
  std::map<std::string, at::Tensor> tensors;  ///< weight, merged, R, x, y, ...
};

inline std::vector<PeftLayer> peft_layers() {
  const SafetensorsFile file = SafetensorsFile::open(data_dir() / "layers.safetensors");
  const json document = read_json(data_dir() / "layers.json");
  std::vector<PeftLayer> layers;
  for (const json& item : document["cases"]) {
    const std::string name = item["name"];
    std::map<std::string, at::Tensor> tensors;
    for (const std::string key : item["tensors"])
      tensors[key] = read_tensor(file, name + "." + key);
    const OFTConfig config =
        OFTConfig::from_json(item["config"].dump(), ConfigSource::kAdapterFile);
    const Rotation rotation(tensors.at("q"), item["rotated_dim"].get<std::int64_t>(),
                            rotation_spec(config));
    layers.push_back({name, kind_of(item["kind"]), item["block_size"].get<std::int64_t>(), config,
                      rotation, tensors});
  }
  return layers;
}

inline double max_difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.numel() == 0) return 0;
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

/// A rotation of random parameters, q ~ N(0, sigma).
inline Rotation random_rotation(std::int64_t features, std::int64_t block_size, double sigma,
                                RotationSpec spec = {}) {
  const std::int64_t rows = spec.block_share ? 1 : features / block_size;
  return Rotation(at::randn({rows, block_size * (block_size - 1) / 2}) * sigma, features, spec);
}

/// An adapter of PEFT's format with one layer per q.
inline AdapterFile peft_adapter(const std::map<std::string, at::Tensor>& layers,
                                OFTConfig config = {}) {
  config.r = 0;
  config.oft_block_size = block_size_of(layers.begin()->second.size(1));
  std::vector<std::string> names;
  for (const auto& [name, q] : layers) names.push_back(name);
  config.target_modules = names;
  AdapterFile file(config);
  for (const auto& [name, q] : layers) file.put(name, false, q);
  return file;
}

}  // namespace oft::testing
