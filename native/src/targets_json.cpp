#include "targets_json.hpp"

#include <array>

#include "json_text.hpp"
#include "oft/error.hpp"
#include "oft/targets.hpp"

namespace oft {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw Error(Status::kParse, "model description: " + what);
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string())
    fail("'" + std::string(key) + "' of " + object.dump() + " must be a text");
  return *found;
}

LayerKind kind_of(const std::string& name) {
  constexpr std::array kinds{LayerKind::kLinear, LayerKind::kConv1D,    LayerKind::kConv1d,
                             LayerKind::kConv2d, LayerKind::kEmbedding, LayerKind::kOther};
  for (const LayerKind kind : kinds)
    if (layer_kind_name(kind) == name) return kind;
  fail("kind '" + name + "' is none of Linear, Conv1D, Conv1d, Conv2d, Embedding, Other");
}

std::optional<std::string> optional_text(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::nullopt;
  return text_of(object, key);
}

}  // namespace

std::string match_targets_json(const OFTConfig& config, std::string_view model) {
  const Json document = parse_json(model, "model description");
  if (!document.is_object() || !document.contains("layers") || !document["layers"].is_array())
    fail("must be an object with an array 'layers'");
  std::vector<Layer> layers;
  for (const Json& row : document["layers"]) {
    if (!row.is_object()) fail("a layer must be an object, not " + row.dump());
    layers.push_back({text_of(row, "name"), kind_of(text_of(row, "kind")),
                      optional_text(row, "class_name").value_or("")});
  }
  ModelFacts facts;
  facts.model_type = optional_text(document, "model_type");
  facts.output_embedding = optional_text(document, "output_embedding");
  facts.is_pretrained_model = document.value("is_pretrained_model", Json(false)) == true;

  Json matches = Json::array();
  for (const Match& match : match_targets(config, layers, facts)) {
    Json row{{"name", layers[match.layer].name}};
    if (match.rank) row["rank"] = *match.rank;
    matches.push_back(std::move(row));
  }
  return matches.dump();
}

}  // namespace oft
