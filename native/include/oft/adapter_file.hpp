#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "oft/config.hpp"
#include "oft/export.hpp"
#include "oft/rotation.hpp"

namespace oft {

/// The parameters that an adapter file holds for one layer.
struct AdapterLayer {
  std::string name;  ///< module path in the base model
  bool is_embedding = false;
  at::Tensor q;  ///< [rows, b(b-1)/2]
  /// PEFT 0.14-0.15, undefined elsewhere: `oft_r` [rows, b, b], of which q is the skew part, and
  /// `oft_s` [out, 1], which scales the rows of the rotated weight.
  at::Tensor legacy_matrix;
  at::Tensor row_scale;
};

/// A PEFT adapter folder: `adapter_config.json` and `adapter_model.safetensors` (or `.bin`).
///
/// Reads what PEFT 0.14 to 0.21 wrote; writes what 0.21 reads without a warning. Tensors are views
/// of the mapped file and keep it alive.
class OFT_EXPORT AdapterFile {
 public:
  /// An adapter without layers.
  explicit AdapterFile(OFTConfig config);

  /// Reads a folder, or the tensor file inside one. Throws Error(kNotFound) where a file is
  /// missing, Error(kParse) where one is malformed, Error(kUnsupported) for adapters of PEFT <=
  /// 0.13 and of other methods, Error(kInvalidArgument) where tensors and config disagree.
  static AdapterFile load(const std::filesystem::path& path);

  /// Writes both files into `folder`, each atomically. Throws Error(kIo), or Error(kUnsupported)
  /// for a `row_scale` other than 1, which the format has no place for.
  void save(const std::filesystem::path& folder) const;

  /// The layer's rotation of a dimension of `features`. Throws Error(kInvalidArgument) where the
  /// stored blocks do not fit the dimension or the config.
  Rotation rotation(const AdapterLayer& layer, std::int64_t features) const;

  /// Adds a layer, or replaces its parameters q [rows, b(b-1)/2].
  void put(const std::string& name, bool is_embedding, at::Tensor q);

  /// Throws Error(kNotFound) with the nearest names.
  const AdapterLayer& layer(std::string_view name) const;

  /// {"maker", "config", "layers", "parameters", "bytes", "replacements", "unused_keys",
  /// "warnings"}.
  std::string to_json() const;

  /// "PEFT 0.21.0", "PEFT 0.14-0.15", ...
  std::string maker() const;

  std::filesystem::path path;
  OFTConfig config;
  std::vector<AdapterLayer> layers;  ///< by name
  /// Base parameters that the adapter replaces as a whole: `modules_to_save`, biases and saved
  /// embeddings, by parameter name in the base model.
  std::map<std::string, at::Tensor> replacements;
  std::vector<std::string> unused_keys;  ///< tensors that no field of the config announces
  std::vector<std::string> warnings;

 private:
  /// PEFT wraps a layer that it rotates, which moves the layer's own parameters one level down.
  std::string stored_name(const std::string& parameter) const;
  void check_block_size(const AdapterLayer& layer, const Rotation& rotation) const;
};

}  // namespace oft
