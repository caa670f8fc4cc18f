#include "foreign_adapter.hpp"

#include <c10/util/Exception.h>
#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "adapter_tensors.hpp"
#include "foreign_keys.hpp"
#include "foreign_layer.hpp"
#include "module_name.hpp"
#include "oft/error.hpp"
#include "oft/safetensors.hpp"
#include "text.hpp"

namespace oft {
namespace {

namespace fs = std::filesystem;
using Tensors = std::map<std::string, at::Tensor>;

constexpr std::string_view kKohyaPrefix = "oft_unet_";

template <typename Predicate>
std::vector<fs::path> files_in(const fs::path& folder, Predicate is_wanted) {
  std::vector<fs::path> files;
  for (const auto& item : fs::directory_iterator(folder))
    if (item.is_regular_file() && is_wanted(item.path())) files.push_back(item.path());
  std::sort(files.begin(), files.end());
  return files;
}

bool is_safetensors_name(const fs::path& file) { return file.extension() == ".safetensors"; }

fs::path find_file(const fs::path& path) {
  if (!fs::is_directory(path)) return path;
  std::vector<fs::path> files = files_in(path, is_safetensors_name);
  if (files.empty()) files = files_in(path, is_pickle_name);
  if (files.size() == 1) return files.front();
  if (files.empty())
    throw Error(Status::kNotFound,
                path.string() +
                    ": no adapter_config.json with an adapter_model.safetensors in this folder, "
                    "and no other .safetensors file, so it holds no adapter");
  std::vector<std::string> names;
  names.reserve(files.size());
  for (const fs::path& file : files) names.push_back(file.filename().string());
  throw Error(Status::kInvalidArgument, path.string() +
                                            ": no adapter_config.json in this folder, and several "
                                            "files that could be an adapter: " +
                                            quote_some(names) + "; give one of them");
}

/// OneTrainer writes into the header of a safetensors file who made it.
bool has_onetrainer_metadata(const fs::path& file) {
  if (is_pickle_name(file)) return false;
  const SafetensorsFile header = SafetensorsFile::open(file);
  const auto& metadata = header.metadata();
  return std::any_of(metadata.begin(), metadata.end(),
                     [](const auto& item) { return item.first.starts_with("ot_"); });
}

bool is_pickled_adapter(const fs::path& file) {
  try {
    if (caffe2::serialize::PyTorchStreamReader(file.string()).hasRecord("constants.pkl"))
      return false;  // TorchScript
    const Tensors tensors = read_adapter_tensors(file);
    return std::any_of(tensors.begin(), tensors.end(),
                       [](const auto& item) { return is_rotation_key(item.first); });
  } catch (const c10::Error&) {
    return false;  // no zip archive
  } catch (const Error&) {
    return false;  // of other things than tensors
  }
}

class Reader {
 public:
  explicit Reader(const fs::path& path) : source_(find_file(path)), file_(OFTConfig()) {
    file_.path = path;
  }

  AdapterFile run() {
    const Tensors tensors = read_adapter_tensors(source_);
    refuse_other_methods(tensors);
    group(tensors);
    const AdapterFormat format = tell_format();
    file_.format = format;
    for (auto& [name, layer] : layers_) add(layer, format);
    announce_layers(file_);
    return std::move(file_);
  }

 private:
  [[noreturn]] void refuse(Status status, const std::string& reason) const {
    throw Error(status, source_.string() + ": " + reason);
  }

  void refuse_other_methods(const Tensors& tensors) const {
    std::set<std::string> methods;
    bool has_rotation = false;
    for (const auto& [key, tensor] : tensors) {
      if (const std::string method = other_method(key); !method.empty()) methods.insert(method);
      has_rotation = has_rotation || is_rotation_key(key);
    }
    const std::vector<std::string> names(methods.begin(), methods.end());
    if (!names.empty())
      refuse(Status::kUnsupported, "holds layers of " + quote_some(names) +
                                       (has_rotation ? " beside OFT" : ", none of OFT") +
                                       "; only OFT adapters can be read");
    if (!has_rotation)
      refuse(Status::kInvalidArgument,
             "holds no rotation (no '*.oft_blocks', '*.oft_diag' or '*.oft_R.weight' among its " +
                 std::to_string(tensors.size()) + " tensors), so it is not an OFT adapter");
  }

  void group(const Tensors& tensors) {
    for (const auto& [key, tensor] : tensors) {
      if (const auto parts = cut_foreign_key(key)) {
        ForeignLayer& layer = layers_[parts->layer];
        layer.name = parts->layer;
        layer.tensors.emplace(parts->tensor, tensor);
      } else {
        file_.unused_keys.push_back(key);
        is_peft_ = is_peft_ || is_rotation_key(key);
      }
    }
  }

  AdapterFormat tell_format() {
    std::map<std::string, AdapterFormat> makers;
    for (const auto& [name, layer] : layers_) {
      if (!has_rotation(layer)) continue;
      if (layer.has("oft_R.weight") || layer.has("oft_R.scaled_oft")) {
        makers.emplace("OneTrainer or PEFT", AdapterFormat::kOneTrainer);
      } else if (name.starts_with(kKohyaPrefix)) {
        makers.emplace("kohya sd-scripts", AdapterFormat::kKohya);
      } else {
        makers.emplace("LyCORIS", AdapterFormat::kLycoris);
      }
    }
    if (makers.size() > 1) {
      std::vector<std::string> names;
      names.reserve(makers.size());
      for (const auto& [name, format] : makers) names.push_back(name);
      refuse(Status::kInvalidArgument,
             "holds layers of several makers, " + quote_some(names) +
                 ", which count rotations differently; store them in a file each");
    }
    const AdapterFormat format = makers.empty() ? AdapterFormat::kPeft : makers.begin()->second;
    if (is_peft_ || format == AdapterFormat::kPeft) refuse_peft();
    if (format == AdapterFormat::kOneTrainer) check_onetrainer();
    return format;
  }

  [[noreturn]] void refuse_peft() const {
    refuse(Status::kNotFound,
           "its tensors are named as PEFT names them, but adapter_config.json, which says by which "
           "formula they are rotations, is not beside it; put it there and give the folder");
  }

  /// PEFT's own files have the same tensors, so something must tell that this is not one.
  void check_onetrainer() {
    const auto starts = [&](std::string_view prefix) {
      return std::any_of(layers_.begin(), layers_.end(),
                         [&](const auto& item) { return item.first.starts_with(prefix); });
    };
    if (starts("base_model.")) refuse_peft();
    const bool is_scaled = std::any_of(layers_.begin(), layers_.end(), [](const auto& item) {
      return item.second.has("oft_R.scaled_oft");
    });
    if (is_scaled || has_onetrainer_metadata(source_)) return;
    for (const auto& [name, layer] : layers_)
      if (parse_module_name(name).path == name) refuse_peft();
    file_.warnings.push_back(
        source_.string() +
        ": taken for OneTrainer's, for its names say so and nothing says more; of a file by PEFT "
        "adapter_config.json is missing");
  }

  void list_unused(const ForeignLayer& layer) {
    for (const auto& [tensor, value] : layer.tensors)
      file_.unused_keys.push_back(std::string(layer.name).append(".").append(tensor));
  }

  void add(ForeignLayer& stored, AdapterFormat format) {
    if (!has_rotation(stored)) {
      // The rest of a layer of some other kind, or of one that was cut off.
      list_unused(stored);
      return;
    }
    AdapterLayer layer;
    try {
      layer = format == AdapterFormat::kOneTrainer ? read_onetrainer_layer(stored)
              : format == AdapterFormat::kKohya    ? read_kohya_layer(stored)
                                                   : read_lycoris_layer(stored);
    } catch (const Error& error) {
      refuse(error.status(), error.what());
    }
    list_unused(stored);
    ModuleName name = parse_module_name(stored.name);
    layer.component = std::move(name.component);
    layer.name = std::move(name.path);
    if (layer.factors.front().butterfly != 0) file_.format = AdapterFormat::kLycorisBoft;
    file_.layers.push_back(std::move(layer));
  }

  static bool has_rotation(const ForeignLayer& layer) {
    return std::any_of(layer.tensors.begin(), layer.tensors.end(),
                       [](const auto& item) { return item.first.starts_with("oft_"); });
  }

  fs::path source_;
  AdapterFile file_;
  std::map<std::string, ForeignLayer> layers_;
  bool is_peft_ = false;  // has rotations that only PEFT writes
};

}  // namespace

AdapterFile read_foreign_adapter(const fs::path& path) { return Reader(path).run(); }

bool is_peft(AdapterFormat format) {
  return format == AdapterFormat::kPeft || format == AdapterFormat::kPeftLegacy;
}

void announce_layers(AdapterFile& file) {
  std::sort(file.layers.begin(), file.layers.end(),
            [](const AdapterLayer& left, const AdapterLayer& right) {
              return std::tie(left.name, left.component) < std::tie(right.name, right.component);
            });
  std::set<std::string> targets;
  std::map<std::int64_t, std::int64_t> sizes;
  bool is_shared = file.format == AdapterFormat::kOneTrainer;
  for (const AdapterLayer& layer : file.layers) {
    const at::Tensor& q = layer.factors.front().q;
    targets.insert(layer.name);
    ++sizes[block_size_of(q.size(1))];
    is_shared = is_shared && q.size(0) == 1;
  }
  OFTConfig& config = file.config;
  config.r = 0;
  config.oft_block_size = std::max_element(sizes.begin(), sizes.end(), [](auto& left, auto& right) {
                            return left.second < right.second;
                          })->first;
  config.target_modules = std::vector<std::string>(targets.begin(), targets.end());
  config.block_share = is_shared;
  config.use_cayley_neumann = file.format == AdapterFormat::kOneTrainer;
  config.inference_mode = true;
  config.validate();
}

bool is_foreign_adapter(const fs::path& path) {
  fs::path file = path;
  if (fs::is_directory(path)) {
    const std::vector<fs::path> files = files_in(path, is_safetensors_name);
    if (files.size() != 1) return false;
    file = files.front();
  }
  if (is_pickle_name(file)) return is_pickled_adapter(file);
  if (!is_safetensors_name(file)) return false;
  const SafetensorsFile header = SafetensorsFile::open(file);
  return std::any_of(header.entries().begin(), header.entries().end(),
                     [](const SafetensorsEntry& entry) { return is_rotation_key(entry.name); });
}

}  // namespace oft
