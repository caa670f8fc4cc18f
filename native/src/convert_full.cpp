#include <ATen/TensorOperators.h>

#include "checkpoint_tensor.hpp"
#include "conversion.hpp"
#include "dtypes.hpp"
#include "oft/error.hpp"
#include "weight_change.hpp"

namespace oft {
namespace {

/// Writes each tensor as it comes, so that no more than one change is in memory.
class DifferenceWriter {
 public:
  explicit DifferenceWriter(Conversion& conversion) : conversion_(conversion), writer_(plan()) {}

  void run() {
    for (const AdapterLayer& layer : conversion_.adapter.layers) {
      const auto change = weight_change(conversion_, layer);
      if (!change) continue;
      conversion_.report.layers.back().error =
          write(layer_key(layer), change->change, change->weight.scalar_type());
    }
    for (const auto& [key, name] : replaced_) {
      const at::Tensor base = read_tensor(*only_base(), *only_base()->find(name));
      const at::Tensor& tensor = conversion_.adapter.replacements.at(name);
      write(key, tensor.to(at::kDouble) - base.to(at::kDouble), base.scalar_type());
    }
    writer_.commit(conversion_.options.sync);
    conversion_.report.files.push_back(conversion_.target);
  }

 private:
  std::string layer_key(const AdapterLayer& layer) const {
    return flat_name(conversion_, layer) + ".diff";
  }

  /// What replaced parameters are parameters of: adapters that have some are for one model.
  const Checkpoint* only_base() const {
    const auto& models = conversion_.bases.models();
    return models.size() == 1 ? &models.begin()->second : nullptr;
  }

  /// Lays the file out and opens it.
  SafetensorsWriter plan() {
    std::vector<SafetensorsEntry> entries;
    const auto add = [&](const std::string& key, const SafetensorsEntry& source) {
      const SafetensorsDType dtype = conversion_.options.dtype
                                         ? safetensors_dtype(*conversion_.options.dtype, "dtype")
                                         : source.dtype;
      entries.push_back({.name = key, .dtype = dtype, .shape = source.shape});
    };
    for (const AdapterLayer& layer : conversion_.adapter.layers) {
      const Checkpoint& base = base_of_change(conversion_, layer);
      if (const auto* location = base.find(layer.name + ".weight"))
        add(layer_key(layer), *location->entry);
    }
    for (const auto& [name, tensor] : conversion_.adapter.replacements) {
      const std::string key = replacement_key(name, tensor);
      if (key.empty()) continue;
      replaced_[key] = name;
      add(key, *only_base()->find(name)->entry);
    }
    sort_as_safetensors(entries);
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (!indices_.emplace(entries[i].name, i).second)
        throw Error(Status::kUnsupported, "two layers have the name '" + entries[i].name +
                                              "', once dots are underscores");
    return SafetensorsWriter(conversion_.target, std::move(entries), {{"format", "pt"}});
  }

  /// `diff` of a weight and `diff_b` of a bias; empty for what has no key and is left out.
  std::string replacement_key(const std::string& name, const at::Tensor& tensor) {
    const std::size_t dot = name.rfind('.');
    const std::string parameter = name.substr(dot + 1);
    const AdapterLayer layer{.name = name.substr(0, dot),
                             .component = conversion_.adapter.layers.front().component};
    const Checkpoint::Location* location =
        only_base() == nullptr ? nullptr : only_base()->find(name);
    if (location == nullptr || location->entry->shape != tensor.sizes().vec()) {
      conversion_.leave_out(name,
                            "the base has no parameter of this name and shape to differ from");
      return "";
    }
    if (parameter == "weight") return layer_key(layer);
    if (parameter == "bias") return flat_name(conversion_, layer) + ".diff_b";
    conversion_.leave_out(name, "LyCORIS has differences of weights and biases only");
    return "";
  }

  /// Returns ||written - change|| / ||change||.
  double write(const std::string& key, const at::Tensor& change, at::ScalarType dtype) {
    const std::size_t index = indices_.at(key);
    const at::Tensor written = change.to(conversion_.options.dtype.value_or(dtype)).contiguous();
    writer_.write(index, 0, written.const_data_ptr(), written.nbytes());
    const double norm = change.norm().item<double>();
    return norm > 0 ? (written.to(at::kDouble) - change).norm().item<double>() / norm : 0;
  }

  Conversion& conversion_;
  std::map<std::string, std::string> replaced_;  // parameters by key
  std::map<std::string, std::size_t> indices_;
  SafetensorsWriter writer_;
};

}  // namespace

void convert_to_full(Conversion& conversion) { DifferenceWriter(conversion).run(); }

}  // namespace oft
