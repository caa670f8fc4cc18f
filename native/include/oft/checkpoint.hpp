#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oft/export.hpp"
#include "oft/safetensors.hpp"
#include "oft/targets.hpp"

namespace oft {

/// A model's weights on disk: one `.safetensors` file, or a folder of transformers or diffusers
/// with a single file or shards and their index.
class OFT_EXPORT Checkpoint {
 public:
  struct Location {
    std::size_t file;               ///< index into files()
    const SafetensorsEntry* entry;  ///< owned by that file
  };

  /// Opens a path, or a model in the local Hugging Face cache by its name, `org/name[@revision]`.
  /// Throws Error(kNotFound) naming what was looked for, or Error(kParse); an index and its shards
  /// must agree.
  static Checkpoint open(const std::filesystem::path& path);

  /// Of the file or folder on this machine.
  const std::filesystem::path& path() const { return path_; }
  bool is_folder() const { return is_folder_; }
  const std::vector<SafetensorsFile>& files() const { return files_; }
  /// Every tensor by name; `base_model.model.` in front of a name is dropped.
  const std::map<std::string, Location>& tensors() const { return tensors_; }
  const Location* find(const std::string& name) const;

  /// Name of the index file, where there is one.
  const std::optional<std::string>& index_name() const { return index_name_; }
  /// "model" or "diffusion_pytorch_model": what shard names start with.
  const std::string& stem() const { return stem_; }

  /// What `config.json` beside the weights tells of the model.
  const ModelFacts& facts() const { return facts_; }
  /// True where `config.json` says that a language-model head shares the input embedding.
  bool has_tied_head() const { return has_tied_head_; }

  /// The modules that hold a rotatable weight, kinds guessed from the shapes.
  std::vector<Layer> layers() const;

 private:
  void read_model_config();

  std::filesystem::path path_;
  bool is_folder_ = false;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, Location> tensors_;
  std::optional<std::string> index_name_;
  std::string stem_ = "model";
  ModelFacts facts_;
  bool has_tied_head_ = false;
};

/// The folders of a diffusers pipeline (`model_index.json`) that hold weights, by component name;
/// empty where `path`, read as `Checkpoint::open` does, is not a pipeline.
OFT_EXPORT std::vector<std::string> pipeline_components(const std::filesystem::path& path);

}  // namespace oft
