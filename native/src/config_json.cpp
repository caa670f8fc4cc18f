#include <algorithm>
#include <map>

#include "config_fields.hpp"
#include "json_text.hpp"
#include "oft/config.hpp"
#include "oft/error.hpp"

namespace oft {
namespace {

constexpr const char* kSource = "OFTConfig";
constexpr const char* kNewestVersion = "0.21.0";

/// The fields whose default depends on who wrote the text.
void apply_defaults(OFTConfig& config, ConfigSource source) {
  config.r = source == ConfigSource::kAdapterFile ? 0 : 8;
  config.oft_block_size = 0;
  config.use_cayley_neumann = source == ConfigSource::kAdapterFile;
  config.peft_version.reset();
}

void read_peft_type(FieldReader& fields) {
  const auto type = fields.take("peft_type");
  if (!type || *type == "OFT") return;
  throw Error(Status::kUnsupported, "peft_type is " + type->dump() +
                                        ": an adapter of another method; oft reads \"OFT\" only");
}

void read_size(FieldReader& fields, OFTConfig& config, ConfigSource source) {
  const bool has_r = fields.has("r");
  if (source != ConfigSource::kUser && !fields.has("oft_block_size")) {
    throw Error(Status::kUnsupported,
                "oft_block_size is missing: the adapter is of PEFT 0.13 or older, whose rotations "
                "mean something else; train it again with a newer PEFT");
  }
  fields.read_or_zero("r", config.r);
  fields.read_or_zero("oft_block_size", config.oft_block_size);
  // A user who gives only the block size means the number of blocks to follow.
  if (source == ConfigSource::kUser && !has_r && config.oft_block_size != 0) config.r = 0;
}

void read_formula(FieldReader& fields, OFTConfig& config, ConfigSource source) {
  const bool says_which = fields.has("use_cayley_neumann");
  fields.read("use_cayley_neumann", config.use_cayley_neumann);
  fields.read("num_cayley_neumann_terms", config.num_cayley_neumann_terms);
  if (source == ConfigSource::kLegacyAdapterFile && config.use_cayley_neumann) {
    config.use_cayley_neumann = false;
    config.warnings.push_back(
        "use_cayley_neumann is true, but PEFT 0.14 and 0.15 knew only the exact Cayley transform, "
        "which is taken");
  }
  if (source == ConfigSource::kAdapterFile && !says_which) {
    config.warnings.push_back("use_cayley_neumann is missing; it is taken as true, PEFT's default");
  }
}

void read_auto_mapping(FieldReader& fields, OFTConfig& config) {
  const auto mapping = fields.take("auto_mapping");
  if (!mapping) return;
  if (!mapping->is_object() && !mapping->is_null()) {
    bad_field("auto_mapping", *mapping, "it must be an object or null");
  }
  config.auto_mapping = mapping->dump();
}

/// What is well-formed and yet unlikely to be meant.
void warn(OFTConfig& config) {
  auto& warnings = config.warnings;
  if (config.use_cayley_neumann && config.num_cayley_neumann_terms < 2) {
    warnings.push_back("num_cayley_neumann_terms is " +
                       std::to_string(config.num_cayley_neumann_terms) +
                       ": below 2 terms every rotation is the identity; 5 is usual");
  }
  if (config.use_cayley_neumann && config.has_legacy_neumann()) {
    warnings.push_back("peft_version is " +
                       (config.peft_version ? quote(*config.peft_version) : "missing") +
                       ": the Cayley-Neumann series of PEFT before 0.18 is used, as the adapter "
                       "was trained; PEFT >= 0.18 would rotate by another one");
  }
  if (!config.rank_pattern.empty()) {
    warnings.push_back("rank_pattern is set; PEFT's OFT has no such field and will ignore it");
  }
  if (!config.alpha_pattern.empty()) {
    warnings.push_back("alpha_pattern is set; a rotation has no scale, so it is without effect");
  }
}

void keep_unknown(FieldReader& fields, OFTConfig& config) {
  if (fields.take("runtime_config")) {
    config.warnings.push_back("runtime_config has no meaning in a file and is dropped");
  }
  if (fields.rest().empty()) return;
  std::vector<std::string> names;
  for (const auto& [name, value] : fields.rest().items()) names.push_back(quote(name));
  std::ranges::sort(names);
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  config.warnings.push_back("unknown keys are kept, but have no effect: " + list);
  config.unknown_keys = fields.rest().dump();
}

template <typename Number>
Json pattern_as_json(const std::vector<std::pair<std::string, Number>>& pattern) {
  Json object = Json::object();
  for (const auto& [name, number] : pattern) object.emplace(name, number);
  return object;
}

Json optional_as_json(const auto& value) { return value ? Json(*value) : Json(nullptr); }

}  // namespace

OFTConfig OFTConfig::from_json(std::string_view json, ConfigSource source) {
  Json object = parse_json(json, kSource);
  if (!object.is_object()) {
    throw Error(Status::kParse, std::string(kSource) + ": the JSON text must be an object, as in " +
                                    R"({"r": 8, "target_modules": ["q_proj"]})");
  }
  FieldReader fields(std::move(object));
  OFTConfig config;
  apply_defaults(config, source);
  read_peft_type(fields);
  read_size(fields, config, source);
  read_formula(fields, config, source);
  read_auto_mapping(fields, config);
  fields.read("task_type", config.task_type);
  fields.read("peft_version", config.peft_version);
  fields.read("base_model_name_or_path", config.base_model_name_or_path);
  fields.read("revision", config.revision);
  fields.read("inference_mode", config.inference_mode);
  fields.read("module_dropout", config.module_dropout);
  fields.read("target_modules", config.target_modules);
  fields.read("fan_in_fan_out", config.fan_in_fan_out);
  fields.read("bias", config.bias);
  fields.read("exclude_modules", config.exclude_modules);
  fields.read("init_weights", config.init_weights);
  fields.read("layers_to_transform", config.layers_to_transform);
  fields.read("layers_pattern", config.layers_pattern);
  fields.read("modules_to_save", config.modules_to_save);
  fields.read("coft", config.coft);
  fields.read("eps", config.eps);
  fields.read("block_share", config.block_share);
  fields.read("rank_pattern", config.rank_pattern);
  fields.read("alpha_pattern", config.alpha_pattern);
  keep_unknown(fields, config);
  if (!config.peft_version && source == ConfigSource::kUser) config.peft_version = kNewestVersion;
  config.validate();
  warn(config);
  return config;
}

std::string OFTConfig::to_json() const {
  validate();
  std::map<std::string, Json> fields = {
      {"auto_mapping", with_sorted_keys(parse_json(auto_mapping, "auto_mapping"))},
      {"base_model_name_or_path", optional_as_json(base_model_name_or_path)},
      {"bias", bias},
      {"block_share", block_share},
      {"coft", coft},
      {"eps", eps},
      {"exclude_modules", as_json(exclude_modules)},
      {"fan_in_fan_out", fan_in_fan_out},
      {"inference_mode", inference_mode},
      {"init_weights", init_weights},
      {"layers_pattern", as_json(layers_pattern)},
      {"layers_to_transform", as_json(layers_to_transform)},
      {"module_dropout", module_dropout},
      {"modules_to_save", optional_as_json(modules_to_save)},
      {"num_cayley_neumann_terms", num_cayley_neumann_terms},
      {"oft_block_size", oft_block_size},
      {"peft_type", "OFT"},
      {"r", r},
      {"revision", optional_as_json(revision)},
      {"target_modules", as_json(target_modules)},
      {"task_type", optional_as_json(task_type)},
      {"use_cayley_neumann", use_cayley_neumann},
  };
  if (peft_version) fields.emplace("peft_version", *peft_version);
  if (!rank_pattern.empty()) fields.emplace("rank_pattern", pattern_as_json(rank_pattern));
  if (!alpha_pattern.empty()) fields.emplace("alpha_pattern", pattern_as_json(alpha_pattern));
  const Json unknown = parse_json(unknown_keys, "unknown_keys");
  if (!unknown.is_object()) bad_field("unknown_keys", unknown, "it must be an object");
  for (const auto& [name, value] : unknown.items()) {
    if (!fields.emplace(name, with_sorted_keys(value)).second) {
      bad_field("unknown_keys", name, "oft knows this field: set it there");
    }
  }
  Json object = Json::object();
  for (auto& [name, value] : fields) object[name] = std::move(value);
  return dump_like_python(object);
}

}  // namespace oft
