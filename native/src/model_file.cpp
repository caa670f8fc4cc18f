#include "model_file.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "foreign_adapter.hpp"
#include "oft/error.hpp"
#include "text.hpp"

namespace oft {
namespace {

/// A file's config as the live adapter has it. What PEFT 0.14-0.15 meant is in the tensors by now:
/// its COFT was applied as they were read.
OFTConfig live_config(const AdapterFile& file, bool inference_mode) {
  OFTConfig config = file.config;
  config.inference_mode = inference_mode;
  if (file.format == AdapterFormat::kPeftLegacy) {
    config.coft = false;
    config.peft_version = OFTConfig().peft_version;
  }
  return config;
}

/// Throws where the layers of a file are not those that its config finds in the model.
void check_layers(const AdapterPlan& plan, const AdapterFile& file) {
  std::set<std::string> planned;
  for (const ModelLayer& layer : plan.layers) planned.insert(layer.name);
  std::set<std::string> stored;
  for (const AdapterLayer& layer : file.layers) stored.insert(layer.name);

  const auto difference = [](const std::set<std::string>& a, const std::set<std::string>& b) {
    std::vector<std::string> names;
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(names));
    return names;
  };
  const std::vector<std::string> unexpected = difference(stored, planned);
  const std::vector<std::string> missing = difference(planned, stored);
  if (unexpected.empty() && missing.empty()) return;
  std::string text = origin_text(file) + ": ";
  if (!unexpected.empty())
    text += std::to_string(unexpected.size()) +
            " of its layers are no targets of its config in this model: " + quote_some(unexpected) +
            nearest_text(unexpected, {planned.begin(), planned.end()});
  if (!missing.empty())
    text += (unexpected.empty() ? "" : "; ") + std::to_string(missing.size()) +
            " layers that its config targets have no parameters in it: " + quote_some(missing);
  throw Error(Status::kInvalidArgument, text + "; the adapter is for another model");
}

void require_trainable(const AdapterFile& file) {
  if (!is_peft(file.format))
    throw Error(Status::kUnsupported,
                origin_text(file) + ": " + file.maker() +
                    " adapters cannot be trained here, for PEFT's format, in which they would be "
                    "saved, is another; load it with is_trainable = false, or convert it first by "
                    "oft convert --to peft, where that can be");
  const auto is_scaled = [](const AdapterLayer& layer) {
    return layer.row_scale.defined() && !layer.row_scale.eq(1).all().item<bool>();
  };
  if (std::ranges::any_of(file.layers, is_scaled))
    throw Error(Status::kUnsupported,
                origin_text(file) +
                    ": its 'oft_s' scales outputs, as PEFT 0.14 and 0.15 had it, which cannot be "
                    "trained or saved; load it with is_trainable = false, or merge it");
}

}  // namespace

FilePlan plan_file(const PreparedTree& tree, const AdapterFile& file, bool inference_mode,
                   const ModelFacts& facts) {
  if (!inference_mode) require_trainable(file);
  if (!is_peft(file.format)) return plan_foreign(tree, file);
  FilePlan planned{.plan = plan_adapter(tree, live_config(file, inference_mode), facts)};
  check_layers(planned.plan, file);
  for (const ModelLayer& layer : planned.plan.layers)
    planned.rotations.push_back(file.rotation(file.layer(layer.name), layer.features));
  return planned;
}

std::string origin_text(const AdapterFile& file) {
  return file.path.empty() ? "the adapter" : file.path.string();
}

std::string nearest_text(const std::vector<std::string>& missing,
                         const std::vector<std::string>& candidates) {
  const std::vector<std::string> near = nearest_names(missing.front(), candidates);
  return near.empty() ? "" : "; nearest to the first: " + quote_some(near);
}

}  // namespace oft
