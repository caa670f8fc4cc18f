#include "oft/adapter_file.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "adapter_keys.hpp"
#include "adapter_tensors.hpp"
#include "dtypes.hpp"
#include "files.hpp"
#include "foreign_adapter.hpp"
#include "hub_cache.hpp"
#include "json_text.hpp"
#include "oft/error.hpp"
#include "oft/merge.hpp"
#include "text.hpp"

namespace oft {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigName = "adapter_config.json";
constexpr const char* kSafetensorsName = "adapter_model.safetensors";
constexpr const char* kPickleName = "adapter_model.bin";

fs::path find_tensor_file(const fs::path& folder) {
  for (const char* name : {kSafetensorsName, kPickleName})
    if (fs::exists(folder / name)) return folder / name;
  throw Error(Status::kNotFound, folder.string() + ": no " + kSafetensorsName + " and no " +
                                     kPickleName + " in this folder, so it holds no adapter");
}

/// The folder of an adapter of PEFT, given itself or by a file in it; nothing where the config is
/// missing.
std::optional<fs::path> find_peft_folder(const fs::path& path) {
  fs::path folder = path;
  if (!fs::is_directory(path)) {
    const fs::path name = path.filename();
    if (name != kConfigName && name != kSafetensorsName && name != kPickleName) return std::nullopt;
    folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  }
  return fs::exists(folder / kConfigName) ? std::optional(folder) : std::nullopt;
}

void check_rotation_tensor(const AdapterLayer& layer, const at::Tensor& tensor, std::int64_t dims,
                           const char* expected) {
  if (tensor.dim() != dims || !is_rotatable(tensor.scalar_type()) ||
      (dims == 3 && tensor.size(1) != tensor.size(2)))
    throw Error(Status::kInvalidArgument,
                "layer '" + layer.name + "': rotation parameters of shape " +
                    shape_text(tensor.sizes()) + " and type " + torch_name(tensor.scalar_type()) +
                    "; expected " + expected + " of a floating-point type");
}

/// Parts of a layer fused from several lie one after another, and none may be missing.
void require_whole(const AdapterLayer& layer, std::int64_t features) {
  const AdapterFactor& last = layer.factors.back();
  const std::int64_t end = last.first_feature + last.q.size(0) * block_size_of(last.q.size(1));
  if (last.first_feature > 0 && end != features)
    throw Error(Status::kInvalidArgument,
                "layer '" + layer.name + "': its " + std::to_string(layer.factors.size()) +
                    " parts are for " + std::to_string(end) + " outputs, the weight has " +
                    std::to_string(features));
}

/// PEFT 0.14-0.15 holds the stored matrix, not its skew part, within eps ceil(out / r)^2 /
/// sqrt(rows).
at::Tensor project_legacy(const AdapterLayer& layer, double eps, std::int64_t blocks) {
  const at::Tensor matrix = layer.legacy_matrix.to(at::kFloat);
  const double width =
      std::ceil(static_cast<double>(layer.row_scale.size(0)) / static_cast<double>(blocks));
  const double limit = static_cast<float>(eps * width * width) *
                       (1.0f / std::sqrt(static_cast<float>(matrix.size(0))));
  const at::Tensor norm = matrix.flatten(1).norm(2, {1}, /*keepdim=*/true).unsqueeze(2);
  return at::where(norm <= limit, matrix, matrix / norm * limit);
}

at::Tensor upper_of_skew_part(const at::Tensor& matrix) {
  return upper_from_skew((matrix - matrix.transpose(1, 2)) * 0.5);
}

}  // namespace

std::int64_t AdapterLayer::parameters() const {
  std::int64_t count = 0;
  for (const AdapterFactor& factor : factors) count += factor.q.numel();
  return count;
}

std::size_t AdapterLayer::bytes() const {
  std::size_t count = 0;
  for (const AdapterFactor& factor : factors) count += factor.q.nbytes();
  return count;
}

bool AdapterLayer::is_finite() const {
  if (row_scale.defined() && !row_scale.isfinite().all().item<bool>()) return false;
  return std::all_of(factors.begin(), factors.end(), [](const AdapterFactor& factor) {
    return factor.q.isfinite().all().item<bool>();
  });
}

AdapterFile::AdapterFile(OFTConfig config) : config(std::move(config)) {}

AdapterFile AdapterFile::load(const fs::path& name_or_path) {
  const fs::path path = local_model_path(name_or_path);
  const std::optional<fs::path> folder = find_peft_folder(path);
  if (!folder) return read_foreign_adapter(path);
  AdapterFile file{OFTConfig()};
  file.path = *folder;
  const fs::path tensor_file = find_tensor_file(file.path);
  const std::string config_text = read_text_file(file.path / kConfigName);
  const std::map<std::string, at::Tensor> tensors = read_adapter_tensors(tensor_file);

  const bool legacy = std::any_of(tensors.begin(), tensors.end(),
                                  [](const auto& item) { return item.first.ends_with(".oft_r"); });
  try {
    file.config = OFTConfig::from_json(
        config_text, legacy ? ConfigSource::kLegacyAdapterFile : ConfigSource::kAdapterFile);
  } catch (const Error& error) {
    throw Error(error.status(), (file.path / kConfigName).string() + ": " + error.what());
  }
  file.warnings = file.config.warnings;

  std::map<std::string, AdapterLayer> layers;
  for (const auto& [key, tensor] : tensors) {
    const AdapterKey parsed = classify_adapter_key(key, file.config);
    using Role = AdapterKey::Role;
    switch (parsed.role) {
      case Role::kRotation:
      case Role::kEmbeddingRotation: {
        AdapterLayer& layer = layers[parsed.name];
        layer.is_embedding = parsed.role == Role::kEmbeddingRotation;
        if (!layer.factors.empty())
          throw Error(Status::kInvalidArgument, tensor_file.string() + ": layer '" + parsed.name +
                                                    "' has two rotations; one of them is '" + key +
                                                    "'");
        layer.factors.push_back({.q = tensor});
        break;
      }
      case Role::kLegacyRotation:
        layers[parsed.name].legacy_matrix = tensor;
        break;
      case Role::kLegacyScale:
        layers[parsed.name].row_scale = tensor;
        break;
      case Role::kReplacement:
        file.replacements.emplace(parsed.name, tensor);
        break;
      case Role::kDuplicate:
        break;
      case Role::kUnused:
        file.unused_keys.push_back(key);
        break;
    }
  }

  for (auto& [name, layer] : layers) {
    layer.name = name;
    if (layer.legacy_matrix.defined() != layer.row_scale.defined())
      throw Error(
          Status::kInvalidArgument,
          tensor_file.string() + ": layer '" + name + "' has " +
              (layer.row_scale.defined() ? "'oft_s' without 'oft_r'" : "'oft_r' without 'oft_s'") +
              "; PEFT 0.14 and 0.15 write both, older adapters cannot be read");
    if (layer.legacy_matrix.defined()) {
      check_rotation_tensor(layer, layer.legacy_matrix, 3, "[blocks, b, b]");
      layer.factors.push_back({.q = upper_of_skew_part(layer.legacy_matrix)});
      file.format = AdapterFormat::kPeftLegacy;
    }
    check_rotation_tensor(layer, layer.factors.front().q, 2, "[blocks, b(b-1)/2]");
    file.layers.push_back(std::move(layer));
  }
  if (file.layers.empty())
    throw Error(Status::kInvalidArgument,
                tensor_file.string() + ": holds no rotation (no '*.oft_R.weight' among its " +
                    std::to_string(tensors.size()) + " tensors), so it is not an OFT adapter");
  return file;
}

void AdapterFile::require_savable() const {
  for (const AdapterLayer& layer : layers) {
    if (layer.side == Side::kOutput)
      throw Error(Status::kUnsupported, "layer '" + layer.name + "': " + maker() +
                                            " turns outputs, and PEFT's format inputs only; merge "
                                            "the adapter, or convert it to 'lora' or 'full'");
    if (format == AdapterFormat::kOneTrainer)
      throw Error(Status::kUnsupported,
                  "layer '" + layer.name +
                      "': OneTrainer turns convolutions the other way than PEFT, and which layers "
                      "are convolutions only a model tells; convert the adapter with its base");
    if (layer.row_scale.defined() && !layer.row_scale.eq(1).all().item<bool>())
      throw Error(Status::kUnsupported,
                  "layer '" + layer.name +
                      "': its row scale 'oft_s' is not 1, and the format of PEFT "
                      ">= 0.16 has no place for it; merge the adapter instead");
    if (layer.legacy_matrix.defined() && config.coft)
      throw Error(Status::kUnsupported,
                  "layer '" + layer.name +
                      "': the radius of PEFT 0.14-0.15's COFT cannot be said in "
                      "the format of PEFT >= 0.16; merge the adapter instead");
  }
}

void AdapterFile::save(const fs::path& folder) const {
  require_savable();
  const std::string prefix(kPeftPrefix);
  std::map<std::string, at::Tensor> tensors;
  OFTConfig written = config;
  for (const AdapterLayer& layer : layers) {
    if (layer.legacy_matrix.defined()) written.peft_version = OFTConfig().peft_version;
    tensors.emplace(
        prefix + layer.name + (layer.is_embedding ? ".oft_embedding_R.weight" : ".oft_R.weight"),
        layer.factors.front().q);
  }
  for (const auto& [name, tensor] : replacements)
    tensors.emplace(prefix + stored_name(name), tensor);
  written.inference_mode = true;

  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure)
    throw Error(Status::kIo, folder.string() + ": cannot be created: " + failure.message());
  write_adapter_tensors(folder / kSafetensorsName, tensors);
  write_text_file(folder / kConfigName, written.to_json());
}

std::vector<Rotation> AdapterFile::rotations(const AdapterLayer& layer, LayerKind kind,
                                             at::IntArrayRef shape) const {
  const std::int64_t features = rotated_features(kind, shape, layer.side);
  // OneTrainer turns convolutions by W R and not W R^T; its series has p(Q)^T = p(-Q).
  const bool is_reversed = format == AdapterFormat::kOneTrainer &&
                           (kind == LayerKind::kConv1d || kind == LayerKind::kConv2d);
  std::vector<Rotation> rotations;
  for (std::size_t i = 0; i < layer.factors.size(); ++i)
    rotations.push_back(factor_rotation(layer, i, features, is_reversed));
  require_whole(layer, features);
  return rotations;
}

Rotation AdapterFile::rotation(const AdapterLayer& layer, std::int64_t features) const {
  if (layer.factors.size() != 1)
    throw Error(Status::kUnsupported, "layer '" + layer.name + "': its rotation is a product of " +
                                          std::to_string(layer.factors.size()) +
                                          " factors; merge the adapter instead");
  return factor_rotation(layer, 0, features, /*is_reversed=*/false);
}

Rotation AdapterFile::factor_rotation(const AdapterLayer& layer, std::size_t index,
                                      std::int64_t features, bool is_reversed) const {
  RotationSpec spec = rotation_spec(config);
  try {
    const AdapterFactor& factor = layer.factors[index];
    if (!layer.legacy_matrix.defined()) {
      spec.side = layer.side;
      spec.first_feature = factor.first_feature;
      spec.butterfly = factor.butterfly;
      if (format == AdapterFormat::kOneTrainer)
        spec.block_share = factor.q.size(0) == 1 && features > block_size_of(factor.q.size(1));
      const bool is_part = layer.factors.size() > 1 && factor.butterfly == 0;
      const bool is_last = index + 1 == layer.factors.size();
      Rotation rotation(
          is_reversed ? -factor.q : factor.q,
          is_part ? factor.q.size(0) * block_size_of(factor.q.size(1)) : features, spec,
          is_last && layer.row_scale.defined() ? layer.row_scale.flatten() : at::Tensor());
      if (format == AdapterFormat::kPeft) check_block_size(layer, rotation);
      return rotation;
    }
    spec.coft_eps.reset();
    const std::int64_t blocks = features / std::max<std::int64_t>(1, layer.legacy_matrix.size(1));
    at::Tensor q = config.coft && blocks > 0
                       ? upper_of_skew_part(project_legacy(layer, config.eps, blocks))
                       : factor.q;
    return Rotation(std::move(q), features, spec, layer.row_scale.flatten());
  } catch (const Error& error) {
    throw Error(error.status(), "layer '" + layer.name + "': " + error.what());
  }
}

std::string AdapterFile::stored_name(const std::string& parameter) const {
  const std::size_t dot = parameter.rfind('.');
  const bool is_of_rotated_layer =
      dot != std::string::npos &&
      std::any_of(layers.begin(), layers.end(), [&](const AdapterLayer& layer) {
        return parameter.compare(0, dot, layer.name) == 0;
      });
  return is_of_rotated_layer ? parameter.substr(0, dot) + ".base_layer" + parameter.substr(dot)
                             : parameter;
}

void AdapterFile::check_block_size(const AdapterLayer& layer, const Rotation& rotation) const {
  const std::int64_t expected =
      resolve_block_size(config, rotation.features(), find_rank_pattern(config, layer.name));
  if (rotation.block_size() == expected) return;
  throw Error(
      Status::kInvalidArgument,
      "blocks of " + std::to_string(rotation.block_size()) + " are stored, but " + kConfigName +
          (config.oft_block_size != 0 ? " (oft_block_size " + std::to_string(config.oft_block_size)
                                      : " (r " + std::to_string(config.r)) +
          ") makes blocks of " + std::to_string(expected) + " out of " +
          std::to_string(rotation.features()) + " features; the two files do not belong together");
}

void AdapterFile::put(const std::string& name, bool is_embedding, at::Tensor q) {
  AdapterLayer layer{.name = name, .is_embedding = is_embedding};
  if (name.empty()) throw Error(Status::kInvalidArgument, "a layer's name must not be empty");
  check_rotation_tensor(layer, q, 2, "[blocks, b(b-1)/2]");
  layer.factors.push_back({.q = std::move(q).detach()});
  const auto position = std::lower_bound(
      layers.begin(), layers.end(), name,
      [](const AdapterLayer& left, const std::string& right) { return left.name < right; });
  if (position != layers.end() && position->name == name)
    *position = std::move(layer);
  else
    layers.insert(position, std::move(layer));
}

const AdapterLayer& AdapterFile::layer(std::string_view name) const {
  const auto found = std::find_if(layers.begin(), layers.end(), [&](const AdapterLayer& candidate) {
    return candidate.name == name;
  });
  if (found != layers.end()) return *found;
  std::vector<std::string> names;
  for (const AdapterLayer& candidate : layers) names.push_back(candidate.name);
  throw Error(Status::kNotFound, "the adapter has no layer '" + std::string(name) + "'; nearest: " +
                                     quote_some(nearest_names(std::string(name), names)));
}

std::vector<std::string> AdapterFile::components() const {
  std::set<std::string> names;
  for (const AdapterLayer& layer : layers) names.insert(layer.component);
  return {names.begin(), names.end()};
}

AdapterFile AdapterFile::component(std::string_view name) const {
  AdapterFile part = *this;
  std::erase_if(part.layers, [&](const AdapterLayer& layer) { return layer.component != name; });
  if (!is_peft(format) && !part.layers.empty()) announce_layers(part);
  return part;
}

std::string AdapterFile::maker() const {
  switch (format) {
    case AdapterFormat::kPeftLegacy:
      return "PEFT 0.14-0.15";
    case AdapterFormat::kLycoris:
      return "LyCORIS diag-oft";
    case AdapterFormat::kLycorisBoft:
      return "LyCORIS BOFT";
    case AdapterFormat::kKohya:
      return "kohya sd-scripts";
    case AdapterFormat::kOneTrainer:
      return "OneTrainer";
    case AdapterFormat::kPeft:
      break;
  }
  return config.peft_version ? "PEFT " + *config.peft_version : "PEFT 0.16-0.17";
}

std::string AdapterFile::to_json() const {
  Json rows = Json::array();
  std::int64_t parameters = 0;
  std::size_t bytes = 0;
  for (const AdapterLayer& layer : layers) {
    const at::Tensor& q = layer.factors.front().q;
    rows.push_back({{"name", layer.name},
                    {"is_embedding", layer.is_embedding},
                    {"side", side_name(layer.side)},
                    {"component", layer.component},
                    {"factors", layer.factors.size()},
                    {"rows", q.size(0)},
                    {"block_size", block_size_of(q.size(1))},
                    {"dtype", torch_name(q.scalar_type())}});
    parameters += layer.parameters();
    bytes += layer.bytes();
  }
  Json replaced = Json::array();
  for (const auto& [name, tensor] : replacements) replaced.push_back(name);
  return Json{{"maker", maker()},
              {"config", parse_json(config.to_json(), "config")},
              {"layers", rows},
              {"parameters", parameters},
              {"bytes", bytes},
              {"replacements", replaced},
              {"unused_keys", unused_keys},
              {"warnings", warnings}}
      .dump();
}

}  // namespace oft
