#include "oft/checkpoint.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "adapter_keys.hpp"
#include "embedding_names.hpp"
#include "files.hpp"
#include "hub_cache.hpp"
#include "json_text.hpp"
#include "oft/error.hpp"

namespace oft {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 2> kStems{"model", "diffusion_pytorch_model"};
constexpr const char* kSuffix = ".safetensors";
constexpr const char* kIndexSuffix = ".safetensors.index.json";

std::vector<fs::path> safetensors_in(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& item : fs::directory_iterator(folder))
    if (item.path().extension() == kSuffix) found.push_back(item.path());
  std::sort(found.begin(), found.end());
  return found;
}

/// The one weight file of a folder without an index.
fs::path single_file(const fs::path& folder) {
  for (const char* stem : kStems)
    if (fs::exists(folder / (std::string(stem) + kSuffix)))
      return folder / (std::string(stem) + kSuffix);
  const std::vector<fs::path> found = safetensors_in(folder);
  if (fs::exists(folder / "adapter_config.json"))
    throw Error(
        Status::kInvalidArgument,
        folder.string() + ": this is an adapter, not a base model (it holds adapter_config.json)");
  if (found.size() == 1) return found.front();
  if (found.empty())
    throw Error(
        Status::kNotFound,
        folder.string() +
            ": no weights here; looked for model.safetensors, "
            "model.safetensors.index.json, diffusion_pytorch_model.safetensors (and its index), "
            "and for a single .safetensors file");
  throw Error(Status::kNotFound,
              folder.string() + ": " + std::to_string(found.size()) +
                  " .safetensors files but no index (model.safetensors.index.json) "
                  "that says which belong together; name one of them");
}

/// Shard names of an index, with the tensors that it puts there.
std::map<std::string, std::set<std::string>> read_index(const fs::path& path) {
  const Json index = parse_json(read_text_file(path), path.string());
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object() ||
      index["weight_map"].empty())
    throw Error(Status::kParse,
                path.string() + ": no 'weight_map' object that maps tensors to files");
  std::map<std::string, std::set<std::string>> shards;
  for (const auto& [tensor, file] : index["weight_map"].items()) {
    if (!file.is_string() ||
        fs::path(file.get<std::string>()).filename() != file.get<std::string>())
      throw Error(Status::kParse, path.string() + ": 'weight_map' puts '" + tensor + "' into " +
                                      file.dump() + ", which is no plain file name");
    shards[file.get<std::string>()].insert(tensor);
  }
  return shards;
}

bool has_language_head(const Json& config) {
  if (!config.contains("architectures") || !config["architectures"].is_array()) return false;
  for (const Json& name : config["architectures"]) {
    if (!name.is_string()) continue;
    const std::string text = name;
    for (const char* mark :
         {"CausalLM", "LMHead", "MaskedLM", "ConditionalGeneration", "PreTraining"})
      if (text.find(mark) != std::string::npos) return true;
  }
  return false;
}

LayerKind guess_kind(std::string_view module, std::size_t dims) {
  if (dims == 3) return LayerKind::kConv1d;
  if (dims == 4) return LayerKind::kConv2d;
  const std::string_view last = module.substr(module.rfind('.') + 1);
  const bool embedding = is_input_embedding_name(module) || last == "wpe" ||
                         last.ends_with("embedding") || last.ends_with("embeddings");
  return embedding ? LayerKind::kEmbedding : LayerKind::kLinear;
}

}  // namespace

Checkpoint Checkpoint::open(const fs::path& name) {
  const fs::path path = local_model_path(name);
  Checkpoint checkpoint;
  checkpoint.path_ = path;
  checkpoint.is_folder_ = fs::is_directory(path);

  std::map<std::string, std::set<std::string>> shards;
  if (checkpoint.is_folder_) {
    for (const char* stem : kStems) {
      const std::string name = std::string(stem) + kIndexSuffix;
      if (checkpoint.index_name_ || !fs::exists(path / name)) continue;
      checkpoint.index_name_ = name;
      checkpoint.stem_ = stem;
      shards = read_index(path / name);
    }
  }
  if (checkpoint.index_name_) {
    for (const auto& [shard, tensors] : shards) {
      if (!fs::exists(path / shard))
        throw Error(Status::kNotFound, (path / shard).string() + ": this shard is missing; " +
                                           *checkpoint.index_name_ + " puts " +
                                           std::to_string(tensors.size()) + " tensors there");
      checkpoint.files_.push_back(SafetensorsFile::open(path / shard));
    }
  } else {
    const fs::path file = checkpoint.is_folder_ ? single_file(path) : path;
    checkpoint.files_.push_back(SafetensorsFile::open(file));
    if (checkpoint.is_folder_) checkpoint.stem_ = file.stem().string();
  }

  for (std::size_t i = 0; i < checkpoint.files_.size(); ++i) {
    const SafetensorsFile& file = checkpoint.files_[i];
    for (const SafetensorsEntry& entry : file.entries())
      if (!checkpoint.tensors_.emplace(without_prefix(entry.name), Location{i, &entry}).second)
        throw Error(Status::kParse,
                    file.path().string() + ": tensor '" + entry.name + "' is in another shard too");
    const auto listed = shards.find(file.path().filename().string());
    if (listed == shards.end()) continue;
    for (const std::string& name : listed->second)
      if (file.find(name) == nullptr)
        throw Error(Status::kParse, file.path().string() + ": tensor '" + name +
                                        "' is missing, although " + *checkpoint.index_name_ +
                                        " puts it there");
  }
  checkpoint.read_model_config();
  return checkpoint;
}

void Checkpoint::read_model_config() {
  const fs::path path = (is_folder_ ? path_ : path_.parent_path()) / "config.json";
  if (!fs::exists(path)) return;
  const Json config = parse_json(read_text_file(path), path.string(), NonFinite::kAccept);
  if (!config.is_object()) return;
  if (const auto type = config.find("model_type"); type != config.end() && type->is_string())
    facts_.model_type = type->get<std::string>();
  facts_.is_pretrained_model = facts_.model_type.has_value();

  bool stores_head = false;
  for (const auto& [name, location] : tensors_) {
    const std::string_view module = std::string_view(name).substr(0, name.rfind('.'));
    if (!is_output_embedding_name(module)) continue;
    stores_head = true;
    facts_.output_embedding = std::string(module);
  }
  // transformers ties by default and writes the key only where a model departs from that.
  const bool ties =
      !config.contains("tie_word_embeddings") || config["tie_word_embeddings"] == true;
  has_tied_head_ = ties && !stores_head && has_language_head(config);
}

const Checkpoint::Location* Checkpoint::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

std::vector<Layer> Checkpoint::layers() const {
  constexpr std::string_view suffix = ".weight";
  std::vector<Layer> layers;
  for (const auto& [name, location] : tensors_) {
    const std::size_t dims = location.entry->shape.size();
    if (!name.ends_with(suffix) || dims < 2 || dims > 4) continue;
    const std::string module = name.substr(0, name.size() - suffix.size());
    layers.push_back({module, guess_kind(module, dims), ""});
  }
  return layers;
}

std::vector<std::string> pipeline_components(const fs::path& name) {
  const fs::path path = local_model_path(name);
  std::vector<std::string> components;
  if (!fs::exists(path / "model_index.json")) return components;
  for (const auto& item : fs::directory_iterator(path))
    if (item.is_directory() && !safetensors_in(item.path()).empty())
      components.push_back(item.path().filename().string());
  std::sort(components.begin(), components.end());
  return components;
}

}  // namespace oft
