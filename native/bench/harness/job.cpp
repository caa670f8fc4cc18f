#include "job.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agreement.h"
#include "oft/adapter_file.hpp"
#include "oft/checkpoint_merge.hpp"
#include "oft/safetensors.hpp"
#include "oft/targets.hpp"
#include "reference.h"

namespace oft::bench {
namespace {

constexpr std::string_view kWeight = ".weight";

std::string weight_of(const std::string& layer) { return layer + std::string(kWeight); }

/// The dimension that a rotation of a weight turns.
std::int64_t features_of(const std::vector<std::int64_t>& shape) {
  return std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>());
}

/// The modules that a rotation could turn.
std::vector<Layer> layers_of(const std::vector<TensorShape>& tensors) {
  std::vector<Layer> layers;
  for (const TensorShape& tensor : tensors)
    if (tensor.shape.size() > 1)
      layers.push_back({tensor.name.substr(0, tensor.name.size() - kWeight.size()),
                        tensor.shape.size() == 2 ? LayerKind::kLinear : LayerKind::kConv2d,
                        {}});
  return layers;
}

at::Tensor read(const SafetensorsFile& file, const SafetensorsEntry& entry) {
  const std::shared_ptr<void> data = file.map(entry);
  return at::from_blob(
             data.get(), entry.shape, [data](void*) {}, at::TensorOptions().dtype(at::kHalf))
      .clone();
}

}  // namespace

std::vector<TensorShape> linear_tensors(int layers, std::int64_t features) {
  std::vector<TensorShape> tensors;
  for (int i = 0; i < layers; ++i)
    tensors.push_back({weight_of("layers." + std::to_string(i)), {features, features}});
  return tensors;
}

OFTConfig linear_config(std::int64_t block_size) {
  OFTConfig config;
  config.r = 0;
  config.oft_block_size = block_size;
  config.target_modules = R"(layers\.\d+)";
  return config;
}

Job Job::in(const std::filesystem::path& folder) {
  return {folder / "base.safetensors", folder / "adapter", folder / "merged.safetensors"};
}

void Job::write_inputs(const std::vector<TensorShape>& tensors, const OFTConfig& config) const {
  std::vector<SafetensorsEntry> entries;
  std::map<std::string, std::int64_t> features;
  for (const TensorShape& tensor : tensors) {
    entries.push_back(
        {.name = tensor.name, .dtype = SafetensorsDType::kF16, .shape = tensor.shape});
    features[tensor.name] = features_of(tensor.shape);
  }
  SafetensorsWriter writer(base, std::move(entries), {{"format", "pt"}});
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const at::Tensor values = (at::randn(tensors[i].shape) * 0.02).to(at::kHalf);
    writer.write(i, 0, values.const_data_ptr(), values.nbytes());
  }
  writer.commit();
  AdapterFile file(config);
  const std::vector<Layer> layers = layers_of(tensors);
  for (const Match& match : match_targets(config, layers)) {
    const std::string& name = layers[match.layer].name;
    const std::int64_t d = features.at(weight_of(name));
    const std::int64_t block_size = config.r > 0 ? d / config.r : config.oft_block_size;
    file.put(name, false, sample_parameters(d / block_size, block_size));
  }
  file.save(adapter);
}

void Job::merge(bool sync) const {
  CheckpointMerge(base).adapter(adapter).options({.sync = sync}).write_to(target);
}

void Job::check() const {
  const auto before = SafetensorsFile::open(base);
  const auto after = SafetensorsFile::open(target);
  const auto file = AdapterFile::load(adapter);
  const auto widest = std::ranges::max_element(file.layers, {}, [&](const AdapterLayer& layer) {
    return features_of(before.find(weight_of(layer.name))->shape);
  });
  for (const AdapterLayer* layer : {&file.layers.front(), &*widest, &file.layers.back()}) {
    const std::string name = weight_of(layer->name);
    const at::Tensor weight = read(before, *before.find(name)).flatten(1);
    const Rotation rotation = file.rotation(*layer, weight.size(1));
    const at::Tensor r = reference_rotation(rotation.q(), rotation.block_size(), kExact);
    require_agreement("the merged " + name, read(after, *after.find(name)).flatten(1),
                      "the formula", reference_rotate(weight, r.transpose(1, 2)), 2);
  }
}

Contender Job::fresh(const std::string& name, Role role, std::function<void()> work) const {
  return {name, role, [target = target, work = std::move(work)](int repeats) {
            double seconds = 0;
            for (int i = 0; i < repeats; ++i) {
              std::filesystem::remove(target);
              seconds += seconds_of(work);
            }
            return seconds;
          }};
}

Json Job::request() const {
  return {{"work", "job"},
          {"base", base.string()},
          {"adapter", adapter.string()},
          {"target", target.string()}};
}

}  // namespace oft::bench
