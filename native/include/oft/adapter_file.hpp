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
#include "oft/targets.hpp"

namespace oft {

/// Who wrote an adapter file, which decides what its tensors mean.
enum class AdapterFormat {
  kPeft,         ///< PEFT >= 0.16: `oft_R.weight`
  kPeftLegacy,   ///< PEFT 0.14-0.15: `oft_r`, `oft_s`
  kLycoris,      ///< LyCORIS diag-oft: `oft_blocks` [blocks, b, b] or `oft_diag`, outputs
  kLycorisBoft,  ///< LyCORIS BOFT: `oft_blocks` [stages, blocks, b, b], outputs
  kKohya,        ///< kohya sd-scripts: `oft_unet_*.oft_blocks`, outputs
  kOneTrainer,   ///< OneTrainer: `oft_R.weight` without a config, `scaled_oft`
};

/// One block-diagonal factor of a layer's rotation, by the formula of the file.
struct AdapterFactor {
  at::Tensor q;                    ///< [rows, b(b-1)/2]
  std::int64_t first_feature = 0;  ///< as in RotationSpec
  std::int64_t butterfly = 0;      ///< as in RotationSpec
};

/// The parameters that an adapter file holds for one layer.
struct AdapterLayer {
  std::string name;  ///< module path in the base model; see AdapterFile::resolve_names
  bool is_embedding = false;
  Side side = Side::kInput;
  /// In the order of application; one, but for layers fused from several and for butterflies.
  std::vector<AdapterFactor> factors;
  /// Scales the rows of the rotated weight, [out] or [out, 1, ..]: `oft_s` of PEFT 0.14-0.15,
  /// `rescale` of LyCORIS. Undefined elsewhere.
  at::Tensor row_scale;
  /// PEFT 0.14-0.15: `oft_r` [rows, b, b], of which q is the skew part. Undefined elsewhere.
  at::Tensor legacy_matrix;
  /// The part of a pipeline that the file says the layer is in: "unet", "text_encoder",
  /// "text_encoder_2", "transformer", ...; empty where it says nothing.
  std::string component;

  /// The number of elements of all q, and their bytes.
  std::int64_t parameters() const;
  std::size_t bytes() const;
  bool is_finite() const;
};

/// An adapter: a PEFT folder with `adapter_config.json` and `adapter_model.safetensors` (or
/// `.bin`), or a file of another maker.
///
/// Reads what PEFT 0.14 to 0.21, LyCORIS, kohya sd-scripts and OneTrainer wrote; writes what PEFT
/// 0.21 reads without a warning. Tensors that are used as they are in the file are views of its
/// mapping and keep it alive.
class OFT_EXPORT AdapterFile {
 public:
  /// An adapter without layers.
  explicit AdapterFile(OFTConfig config);

  /// Reads a PEFT folder, the tensor file inside one, or a file of another maker (`.safetensors`,
  /// or a pickle: `.pt`, `.pth`, `.bin`, `.ckpt`), given itself or as the only one in a folder.
  /// Throws Error(kNotFound) where a file is missing, Error(kParse) where one is malformed,
  /// Error(kUnsupported) for adapters of PEFT <= 0.13 and of other methods, Error(kInvalidArgument)
  /// where tensors and config disagree.
  static AdapterFile load(const std::filesystem::path& path);

  /// Writes both files into `folder`, each atomically. Throws Error(kIo), or Error(kUnsupported)
  /// for what PEFT's format has no place for: a `row_scale` other than 1, the output side.
  void save(const std::filesystem::path& folder) const;

  /// Throws as `save` does for what cannot be written, before anything is.
  void require_savable() const;

  /// The rotations of a layer with a weight of this kind and shape, in the order of application.
  /// Throws Error(kInvalidArgument) where the stored blocks do not fit the weight or the config.
  std::vector<Rotation> rotations(const AdapterLayer& layer, LayerKind kind,
                                  at::IntArrayRef shape) const;

  /// The layer's one rotation of a dimension of `features`, as of a Linear; throws as `rotations`
  /// does, and Error(kUnsupported) for a layer of several.
  Rotation rotation(const AdapterLayer& layer, std::int64_t features) const;

  /// Gives the layers the module paths of a model. What a file names by other schemes (underscores
  /// for dots, names of another model code) is matched with `modules`; names that match already
  /// stay, and those that match nothing stay for the caller to report. A layer fused from several
  /// becomes several where the model has them one by one. PEFT's names are never changed.
  /// Throws Error(kInvalidArgument), with nothing changed, for a name that can mean several
  /// modules, listing them, and for two layers that mean the same.
  void resolve_names(const std::vector<Layer>& modules);

  /// The parts of a pipeline that the layers are in, sorted; one empty name where the file does not
  /// say.
  std::vector<std::string> components() const;

  /// The same adapter with the layers of one component only.
  AdapterFile component(std::string_view name) const;

  /// A base parameter's name in a file of PEFT, which wraps a layer that it turns and so moves the
  /// layer's own parameters one level down, without `base_model.model.`.
  std::string stored_name(const std::string& parameter) const;

  /// Adds a layer of the input side, or replaces it by parameters q [rows, b(b-1)/2].
  void put(const std::string& name, bool is_embedding, at::Tensor q);

  /// Throws Error(kNotFound) with the nearest names.
  const AdapterLayer& layer(std::string_view name) const;

  /// {"maker", "config", "layers", "parameters", "bytes", "replacements", "unused_keys",
  /// "warnings"}.
  std::string to_json() const;

  /// "PEFT 0.21.0", "PEFT 0.14-0.15", "LyCORIS diag-oft", ...
  std::string maker() const;

  std::filesystem::path path;
  AdapterFormat format = AdapterFormat::kPeft;
  OFTConfig config;
  std::vector<AdapterLayer> layers;  ///< by name
  /// Base parameters that the adapter replaces as a whole: `modules_to_save`, biases and saved
  /// embeddings, by parameter name in the base model.
  std::map<std::string, at::Tensor> replacements;
  /// Tensors that no field of the config announces, or that are not understood in a file of another
  /// maker.
  std::vector<std::string> unused_keys;
  std::vector<std::string> warnings;

 private:
  void check_block_size(const AdapterLayer& layer, const Rotation& rotation) const;
  /// One factor's rotation; the row scale goes with the last. `features`: of the layer's side.
  /// `is_reversed`: by the negated parameters.
  Rotation factor_rotation(const AdapterLayer& layer, std::size_t index, std::int64_t features,
                           bool is_reversed) const;
};

}  // namespace oft
