#include "job.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/randn.h>

#include <string>
#include <utility>
#include <vector>

#include "agreement.h"
#include "oft/adapter_file.hpp"
#include "oft/checkpoint_merge.hpp"
#include "oft/safetensors.hpp"
#include "reference.h"

namespace oft::bench {
namespace {

std::string layer_name(std::size_t i) { return "layers." + std::to_string(i); }

at::Tensor read(const SafetensorsFile& file, const SafetensorsEntry& entry) {
  const std::shared_ptr<void> data = file.map(entry);
  return at::from_blob(
             data.get(), entry.shape, [data](void*) {}, at::TensorOptions().dtype(at::kHalf))
      .clone();
}

}  // namespace

Job Job::in(const std::filesystem::path& folder) {
  return {folder / "base.safetensors", folder / "adapter", folder / "merged.safetensors"};
}

void Job::write_inputs(int layers, std::int64_t features, std::int64_t block_size) const {
  std::vector<SafetensorsEntry> entries;
  for (int i = 0; i < layers; ++i)
    entries.push_back({.name = layer_name(i) + ".weight",
                       .dtype = SafetensorsDType::kF16,
                       .shape = {features, features}});
  SafetensorsWriter writer(base, std::move(entries), {{"format", "pt"}});
  OFTConfig config;
  config.r = 0;
  config.oft_block_size = block_size;
  config.target_modules = R"(layers\.\d+)";
  AdapterFile file(config);
  for (std::size_t i = 0; i < static_cast<std::size_t>(layers); ++i) {
    const at::Tensor weight = (at::randn({features, features}) * 0.02).to(at::kHalf);
    writer.write(i, 0, weight.const_data_ptr(), weight.nbytes());
    file.put(layer_name(i), false, sample_parameters(features / block_size, block_size));
  }
  writer.commit();
  file.save(adapter);
}

void Job::merge(bool sync) const {
  CheckpointMerge(base).adapter(adapter).options({.sync = sync}).write_to(target);
}

void Job::check() const {
  const auto before = SafetensorsFile::open(base);
  const auto after = SafetensorsFile::open(target);
  const auto file = AdapterFile::load(adapter);
  for (const std::size_t i : {std::size_t{0}, before.entries().size() - 1}) {
    const std::string name = layer_name(i) + ".weight";
    const at::Tensor weight = read(before, *before.find(name));
    const Rotation rotation = file.rotation(file.layer(layer_name(i)), weight.size(1));
    const at::Tensor r = reference_rotation(rotation.q(), rotation.block_size(), kExact);
    require_agreement("the merged " + name, read(after, *after.find(name)), "the formula",
                      reference_rotate(weight, r.transpose(1, 2)), 2);
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
