#include <torch/csrc/jit/api/module.h>

#include <array>
#include <fstream>

#include "dtypes.hpp"
#include "foreign_adapter.hpp"
#include "hub_cache.hpp"
#include "json_text.hpp"
#include "oft/adapter_file.hpp"
#include "oft/check.hpp"
#include "oft/checkpoint.hpp"
#include "script_module.hpp"

namespace oft {
namespace {

namespace fs = std::filesystem;

Json describe_adapter(const fs::path& path) {
  Json description{{"type", "adapter"}, {"path", path.string()}};
  description.update(parse_json(AdapterFile::load(path).to_json(), "adapter"));
  return description;
}

Json describe_checkpoint(const fs::path& path) {
  const Checkpoint checkpoint = Checkpoint::open(path);
  Json files = Json::array();
  for (const SafetensorsFile& file : checkpoint.files())
    files.push_back(file.path().filename().string());

  Json tensors = Json::array();
  std::map<std::string, std::int64_t> dtypes;
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;
  for (const auto& [name, location] : checkpoint.tensors()) {
    const SafetensorsEntry& entry = *location.entry;
    const std::string dtype(dtype_name(entry.dtype));
    tensors.push_back({{"name", name}, {"dtype", dtype}, {"shape", entry.shape}});
    ++dtypes[dtype];
    parameters += entry.numel();
    bytes += entry.bytes();
  }
  std::map<std::string, std::int64_t> layers;
  for (const Layer& layer : checkpoint.layers()) ++layers[std::string(layer_kind_name(layer.kind))];

  const auto& model_type = checkpoint.facts().model_type;
  return {{"type", "checkpoint"},
          {"path", path.string()},
          {"files", files},
          {"tensors", checkpoint.tensors().size()},
          {"parameters", parameters},
          {"bytes", bytes},
          {"dtypes", dtypes},
          {"layers", layers},
          {"model_type", model_type ? Json(*model_type) : Json(nullptr)},
          {"metadata", checkpoint.files().front().metadata()},
          {"tensor_list", tensors}};
}

Json describe_pipeline(const fs::path& path, const std::vector<std::string>& components) {
  Json rows = Json::array();
  for (const std::string& name : components) {
    Json row{{"name", name}};
    row.update(describe_checkpoint(path / name));
    rows.push_back(std::move(row));
  }
  return {{"type", "pipeline"}, {"path", path.string()}, {"components", rows}};
}

Json describe_torchscript(const fs::path& path) {
  const torch::jit::Module module = load_script(path);
  Json modules = Json::array();
  for (const auto& item : module.named_modules())
    modules.push_back({{"name", item.name}, {"class", item.value.type()->name()->name()}});
  Json tensors = Json::array();
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;
  for (const auto& item : module.named_parameters()) {
    tensors.push_back({{"name", item.name},
                       {"dtype", torch_name(item.value.scalar_type())},
                       {"shape", item.value.sizes().vec()}});
    parameters += item.value.numel();
    bytes += item.value.nbytes();
  }
  Json methods = Json::array();
  for (const auto& method : module.get_methods()) methods.push_back(method.name());
  return {{"type", "torchscript"},    {"path", path.string()},    {"modules", modules},
          {"methods", methods},       {"parameters", parameters}, {"bytes", bytes},
          {"parameter_list", tensors}};
}

bool is_zip(const fs::path& file) {
  std::array<char, 2> magic{};
  std::ifstream(file, std::ios::binary).read(magic.data(), magic.size());
  return magic == std::array{'P', 'K'};
}

}  // namespace

std::string describe_path(const fs::path& name) {
  const fs::path path = local_model_path(name);
  if (fs::is_directory(path)) {
    if (fs::exists(path / "adapter_config.json")) return describe_adapter(path).dump();
    const std::vector<std::string> components = pipeline_components(path);
    if (!components.empty()) return describe_pipeline(path, components).dump();
  } else if (path.filename() == "adapter_config.json" ||
             path.filename() == "adapter_model.safetensors" ||
             path.filename() == "adapter_model.bin") {
    return describe_adapter(path).dump();
  }
  if (is_foreign_adapter(path)) return describe_adapter(path).dump();
  return (is_zip(path) ? describe_torchscript(path) : describe_checkpoint(path)).dump();
}

}  // namespace oft
