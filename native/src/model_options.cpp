#include "model_options.hpp"

#include <algorithm>

#include "config_fields.hpp"
#include "json_text.hpp"
#include "oft/error.hpp"

namespace oft {

OFTModelOptions parse_model_options(std::string_view json) {
  OFTModelOptions options;
  if (json.empty()) return options;
  Json document = parse_json(json, "model options");
  if (!document.is_object()) throw Error(Status::kParse, "model options: must be a JSON object");
  FieldReader fields(std::move(document));
  fields.read("low_cpu_mem_usage", options.low_cpu_mem_usage);
  fields.read("keep_base_weights", options.keep_base_weights);
  fields.read("cache_merged_weights", options.cache_merged_weights);
  fields.read("model_type", options.facts.model_type);
  fields.read("output_embedding", options.facts.output_embedding);
  fields.read("is_pretrained_model", options.facts.is_pretrained_model);
  for (const auto& [key, value] : fields.rest().items())
    bad_field("model option " + key, value,
              "there are low_cpu_mem_usage, keep_base_weights, cache_merged_weights, model_type, "
              "output_embedding and is_pretrained_model");
  return options;
}

std::vector<std::string> parse_adapter_names(std::string_view json) {
  const Json names = parse_json(json, "adapter names");
  const auto is_text = [](const Json& name) { return name.is_string(); };
  if (!names.is_array() || !std::all_of(names.begin(), names.end(), is_text))
    throw Error(Status::kParse, "adapter names: must be an array of texts, not " + names.dump());
  return names.get<std::vector<std::string>>();
}

}  // namespace oft
