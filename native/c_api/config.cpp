#include <nlohmann/json.hpp>

#include "boundary.hpp"
#include "targets_json.hpp"

using namespace oft::c_api;

oft_status oft_config_parse(const char* json, size_t json_size, oft_config_source source,
                            oft_config** out_config, oft_error** out_error) {
  return boundary(out_error, [&] {
    if (source != OFT_CONFIG_USER && source != OFT_CONFIG_ADAPTER_FILE)
      throw oft::Error(oft::Status::kInvalidArgument,
                       "config source " + std::to_string(source) + " stands for nothing");
    give(out_config, "out_config",
         oft::OFTConfig::from_json(text_in(json, json_size, "json"),
                                   source == OFT_CONFIG_USER ? oft::ConfigSource::kUser
                                                             : oft::ConfigSource::kAdapterFile));
  });
}

oft_status oft_config_to_json(const oft_config* config, char* buffer, size_t capacity,
                              size_t* out_size, oft_error** out_error) {
  return boundary(out_error, [&] {
    text_out(deref(config, "config").value.to_json(), buffer, capacity, out_size);
  });
}

oft_status oft_config_warnings(const oft_config* config, char* buffer, size_t capacity,
                               size_t* out_size, oft_error** out_error) {
  return boundary(out_error, [&] {
    text_out(nlohmann::json(deref(config, "config").value.warnings).dump(), buffer, capacity,
             out_size);
  });
}

oft_status oft_config_match(const oft_config* config, const char* model, size_t model_size,
                            char* buffer, size_t capacity, size_t* out_size,
                            oft_error** out_error) {
  return boundary(out_error, [&] {
    text_out(
        oft::match_targets_json(deref(config, "config").value, text_in(model, model_size, "model")),
        buffer, capacity, out_size);
  });
}

oft_status oft_config_block_size(const oft_config* config, int64_t features,
                                 int64_t* out_block_size, oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(out_block_size, "out_block_size") =
        oft::resolve_block_size(deref(config, "config").value, features);
  });
}

void oft_config_destroy(oft_config* config) { delete config; }
