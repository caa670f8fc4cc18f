#include "adapter_keys.hpp"

#include <algorithm>
#include <optional>

#include "embedding_names.hpp"

namespace oft {
namespace {

using Role = AdapterKey::Role;

/// The module path in front of `suffix`, which starts with a dot, or nothing.
std::optional<std::string_view> before(std::string_view key, std::string_view suffix) {
  if (key == suffix.substr(1)) return std::string_view();
  if (!key.ends_with(suffix)) return std::nullopt;
  return key.substr(0, key.size() - suffix.size());
}

/// The layer of `<layer>.<tuner>.weight` or `<layer>.<tuner>.<adapter>.weight`.
std::optional<std::string> tuned_layer(std::string_view key, std::string_view tuner) {
  const std::string marker = "." + std::string(tuner) + ".";
  const std::size_t at = key.rfind(marker);
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  const std::string_view rest = key.substr(at + marker.size());
  const std::size_t dot = rest.find('.');
  if (rest != "weight" && (dot == std::string_view::npos || rest.substr(dot) != ".weight"))
    return std::nullopt;
  return std::string(key.substr(0, at));
}

std::string_view parent(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
}

/// PEFT wraps every module whose name ends with an item, so a parameter belongs to one where a
/// module on its path does.
bool in_modules_to_save(std::string_view parameter, const OFTConfig& config) {
  if (!config.modules_to_save) return false;
  for (std::string_view module = parent(parameter); !module.empty(); module = parent(module))
    if (std::any_of(config.modules_to_save->begin(), config.modules_to_save->end(),
                    [&](const std::string& item) { return module.ends_with(item); }))
      return true;
  return false;
}

/// PEFT saves the tables of input and output embeddings beside an adapter without a word about it
/// in the config (`save_embedding_layers`).
bool is_embedding_table(std::string_view parameter) {
  const auto module = before(parameter, ".weight");
  return module && (is_input_embedding_name(*module) || is_output_embedding_name(*module));
}

}  // namespace

std::string_view without_prefix(std::string_view name) {
  return name.starts_with(kPeftPrefix) ? name.substr(kPeftPrefix.size()) : name;
}

AdapterKey classify_adapter_key(std::string_view key, const OFTConfig& config) {
  key = without_prefix(key);
  if (auto layer = tuned_layer(key, "oft_R")) return {Role::kRotation, *layer};
  if (auto layer = tuned_layer(key, "oft_embedding_R")) return {Role::kEmbeddingRotation, *layer};
  if (auto layer = before(key, ".oft_r")) return {Role::kLegacyRotation, std::string(*layer)};
  if (auto layer = before(key, ".oft_s")) return {Role::kLegacyScale, std::string(*layer)};
  if (key.find(".original_module.") != std::string_view::npos ||
      key.find(".modules_to_save.") != std::string_view::npos)
    return {Role::kDuplicate, std::string(key)};

  const bool any_bias = config.bias == "all";
  if (auto layer = before(key, ".base_layer.bias");
      layer && (any_bias || config.bias == "oft_only"))
    return {Role::kReplacement, std::string(*layer) + ".bias"};
  if (any_bias && before(key, ".bias")) return {Role::kReplacement, std::string(key)};
  if (auto layer = before(key, ".base_layer.weight")) {
    std::string name = std::string(*layer) + ".weight";
    const Role role = is_embedding_table(name) ? Role::kReplacement : Role::kUnused;
    return {role, role == Role::kUnused ? std::string(key) : name};
  }
  if (in_modules_to_save(key, config) || is_embedding_table(key))
    return {Role::kReplacement, std::string(key)};
  return {Role::kUnused, std::string(key)};
}

}  // namespace oft
