#include "oft/targets.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "core_support.hpp"

namespace oft {
namespace {

using Json = nlohmann::ordered_json;
using testing::expect_contains;

OFTConfig config_of(const std::string& json) {
  return OFTConfig::from_json(json, ConfigSource::kUser);
}

std::vector<Layer> linears(const std::vector<std::string>& names) {
  std::vector<Layer> layers;
  for (const std::string& name : names) layers.push_back({name, LayerKind::kLinear, "Linear"});
  return layers;
}

std::vector<std::string> matched_names(const std::string& json, const std::vector<Layer>& layers,
                                       const ModelFacts& facts = {}) {
  std::vector<std::string> names;
  for (const Match& match : match_targets(config_of(json), layers, facts)) {
    names.push_back(layers.at(match.layer).name);
  }
  return names;
}

/// The text of the Error(kInvalidArgument) that matching throws.
std::string failure(const std::string& json, const std::vector<Layer>& layers,
                    const ModelFacts& facts = {}) {
  try {
    match_targets(config_of(json), layers, facts);
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::kInvalidArgument) << error.what();
    return error.what();
  }
  ADD_FAILURE() << json << " matches";
  return {};
}

// ------------------------------------------------------------------ against PEFT ----

/// targets.json, made by parity/make_target_data.py.
class PeftTargets : public ::testing::Test {
 protected:
  struct Model {
    std::vector<Layer> layers;
    ModelFacts facts;
  };

  void SetUp() override {
    std::ifstream file(OFT_TEST_DATA_DIR "/targets.json");
    data_ = Json::parse(file);
    for (const Json& record : data_["models"]) {
      Model& model = models_[record["name"]];
      for (const Json& layer : record["layers"]) {
        model.layers.push_back({layer[0], kind_of(layer[1]), layer[1]});
      }
      model.facts = {text_of(record["model_type"]), text_of(record["output_embedding"]),
                     record["is_pretrained_model"]};
    }
  }

  /// The data is about names: what PEFT could not adapt stands for a kind that it could.
  static LayerKind kind_of(const std::string& name) {
    for (int i = 0; i < static_cast<int>(LayerKind::kOther); ++i) {
      if (layer_kind_name(static_cast<LayerKind>(i)) == name) return static_cast<LayerKind>(i);
    }
    return LayerKind::kConv2d;
  }

  static std::optional<std::string> text_of(const Json& value) {
    return value.is_null() ? std::nullopt : std::optional(value.get<std::string>());
  }

  Json data_;
  std::map<std::string, Model> models_;
};

TEST_F(PeftTargets, SelectTheSameLayers) {
  int errors = 0;
  for (const Json& record : data_["cases"]) {
    SCOPED_TRACE(record.dump());
    const Model& model = models_.at(record["model"]);
    const Json& expected = record["matches"];
    try {
      std::vector<std::size_t> matches;
      for (const Match& match :
           match_targets(config_of(record["config"].dump()), model.layers, model.facts)) {
        matches.push_back(match.layer);
      }
      EXPECT_EQ(Json(matches), expected);
    } catch (const Error& error) {
      ++errors;
      EXPECT_EQ(error.status(), Status::kInvalidArgument);
      EXPECT_TRUE(expected.empty() || expected == "error") << error.what();
    }
  }
  EXPECT_GT(data_["cases"].size(), 400U);
  EXPECT_LT(errors, 200);
}

TEST_F(PeftTargets, FindTheSameRanks) {
  for (const Json& record : data_["rank_cases"]) {
    SCOPED_TRACE(record["rank_pattern"].dump());
    const Model& model = models_.at(record["model"]);
    const OFTConfig config = config_of(Json{{"rank_pattern", record["rank_pattern"]}}.dump());
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
      const Json& expected = record["ranks"][i];
      const auto rank = find_rank_pattern(config, model.layers[i].name);
      EXPECT_EQ(rank ? Json(*rank) : Json(nullptr), expected) << model.layers[i].name;
    }
  }
}

TEST_F(PeftTargets, HaveTheSameDefaults) {
  // The table itself; what matching does with it is among the cases.
  const auto names = [](const std::string& model_type) {
    return std::get<std::vector<std::string>>(default_target_modules(model_type));
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names("llama"), (Names{"q_proj", "v_proj"}));
  EXPECT_EQ(names("qwen3"), (Names{"q_proj", "v_proj"}));
  EXPECT_EQ(names("t5"), (Names{"q", "v"}));
  EXPECT_EQ(names("deberta"), (Names{"in_proj"}));
  EXPECT_EQ(names("rwkv7"), (Names{"r_proj", "k_proj", "v_proj", "o_proj", "key", "value"}));
  EXPECT_EQ(std::get<std::string>(default_target_modules("gemma4")),
            R"(.*language_model\..*\.(q_proj|v_proj))");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(default_target_modules("lla")));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(default_target_modules("")));
}

// ------------------------------------------------------------------------ matches ----

TEST(MatchTargets, KeepsTheOrderOfTheLayersAndGivesRanks) {
  const OFTConfig config =
      config_of(R"({"target_modules": ["q", "v"], "rank_pattern": {"0.q": 4, "q": 2, "0.*": 8}})");
  const auto layers = linears({"b.1.v", "b.0.q", "b.1.q", "b.0.k", "b.0.v"});
  const std::vector<Match> matches = match_targets(config, layers);
  ASSERT_EQ(matches.size(), 4U);
  EXPECT_EQ(matches[0].layer, 0U);
  EXPECT_EQ(matches[0].rank, std::nullopt);
  EXPECT_EQ(matches[1].layer, 1U);
  EXPECT_EQ(matches[1].rank, 4);
  EXPECT_EQ(matches[2].rank, 2);
  EXPECT_EQ(matches[3].layer, 4U);
  EXPECT_EQ(matches[3].rank, 8);
}

TEST(MatchTargets, TakesEveryKindThatCanBeRotated) {
  const std::vector<Layer> layers = {{"a", LayerKind::kLinear, ""},
                                     {"b", LayerKind::kConv1D, ""},
                                     {"c", LayerKind::kConv1d, ""},
                                     {"d", LayerKind::kConv2d, ""},
                                     {"e", LayerKind::kEmbedding, ""}};
  EXPECT_EQ(match_targets(config_of(R"({"target_modules": "[a-e]"})"), layers).size(), 5U);
  EXPECT_EQ(matched_names(R"({"target_modules": "all-linear"})", layers),
            (std::vector<std::string>{"a", "b"}));
}

TEST(MatchTargets, LeavesOutTheHeadOfTransformersModelsOnly) {
  const std::string all = R"({"target_modules": "All-Linear"})";
  const auto layers = linears({"att.q", "lm_head"});
  ModelFacts facts{.model_type = "llama", .output_embedding = "lm_head"};
  EXPECT_EQ(matched_names(all, layers, facts), (std::vector<std::string>{"att.q", "lm_head"}));
  facts.is_pretrained_model = true;
  EXPECT_EQ(matched_names(all, layers, facts), (std::vector<std::string>{"att.q"}));
}

TEST(MatchTargets, AcceptsAnAdapterWithoutLayers) {
  EXPECT_TRUE(
      matched_names(R"({"target_modules": "dummy-target-modules"})", linears({"q"})).empty());
}

TEST(MatchTargets, NeverTakesTheRoot) {
  EXPECT_EQ(matched_names(R"({"target_modules": ".*"})", linears({"", "q"})),
            (std::vector<std::string>{"q"}));
}

// ------------------------------------------------------------------------- errors ----

TEST(MatchTargetsErrors, NameTheNearestLayers) {
  const auto layers =
      linears({"enc.0.att.query", "enc.0.att.key", "enc.0.ffn.up", "enc.1.att.query"});
  expect_contains(failure(R"({"target_modules": ["qury", "att.keys"]})", layers),
                  {"target_modules is [\"qury\",\"att.keys\"]", "none of the 4 layers", "\"query\"",
                   "\"att.key\"", "change target_modules"});
  expect_contains(failure(R"({"target_modules": "enc.9.*"})", layers), {"\"enc.0.att.key\""});
}

TEST(MatchTargetsErrors, TellWhichFieldTookTheLayersAway) {
  const auto layers = linears({"m.layers.0.q", "m.layers.1.q"});
  expect_contains(
      failure(R"({"target_modules": ["q"], "layers_to_transform": [7],
                              "layers_pattern": "layers"})",
              layers),
      {"names 2 of the 2 layers", "layers_to_transform [7]", "layers_pattern \"layers\""});
  expect_contains(failure(R"({"target_modules": ["q"], "exclude_modules": ["q"]})", layers),
                  {"names 2 of the 2 layers", "exclude_modules"});
  expect_contains(failure(R"({"target_modules": ["q"], "modules_to_save": ["m"]})", layers),
                  {"names 2 of the 2 layers", "modules_to_save"});
}

TEST(MatchTargetsErrors, ListAllLayersThatCannotBeRotated) {
  std::vector<Layer> layers = linears({"q"});
  for (int i = 0; i < 12; ++i) {
    layers.push_back({"norm." + std::to_string(i), LayerKind::kOther, "LayerNorm"});
  }
  const std::string text = failure(R"({"target_modules": "q|norm.*"})", layers);
  expect_contains(text, {"\"norm.0\" (LayerNorm)", "\"norm.9\" (LayerNorm) and 2 more", "Conv2d"});
  EXPECT_EQ(text.find("\"norm.10\""), std::string::npos);
}

TEST(MatchTargetsErrors, ExplainAMissingDefault) {
  expect_contains(failure("{}", linears({"q"})), {"without model_type", "all-linear"});
  expect_contains(failure("{}", linears({"q"}), {.model_type = "resnet", .output_embedding = {}}),
                  {"model_type \"resnet\"", "PEFT has no default"});
}

TEST(MatchTargetsErrors, NameFieldPatternOffsetAndReason) {
  const auto layers = linears({"q"});
  expect_contains(failure(R"json({"target_modules": ".*(q"})json", layers),
                  {"target_modules: \".*(q\"", "missing closing parenthesis", "offset 4"});
  expect_contains(failure(R"({"target_modules": ["q"], "exclude_modules": "\\Zx{,2}\\K"})", layers),
                  {"exclude_modules", "bad escape \\K at offset 7"});
  expect_contains(failure(R"json({"target_modules": "x{,2}("})json", layers), {"at offset 6"});
  expect_contains(
      failure(R"json({"target_modules": ["q"], "modules_to_save": ["a)"]})json", layers),
      {"modules_to_save"});
  expect_contains(failure(R"({"target_modules": ["q"], "rank_pattern": {"*": 2}})", layers),
                  {"rank_pattern"});
  expect_contains(failure(R"({"target_modules": ["q"], "layers_to_transform": 0,
                              "layers_pattern": "[h"})",
                          layers),
                  {"layers_pattern"});
}

TEST(MatchTargetsErrors, StopPatternsThatNeverEnd) {
  expect_contains(failure(R"({"target_modules": "(a+)+[bc]"})", linears({std::string(64, 'a')})),
                  {"cannot be matched", "limit"});
}

// ------------------------------------------------------------------ nearest names ----

TEST(NearestNames, RanksByEditDistanceThenByName) {
  EXPECT_EQ(nearest_names("query", {"value", "quary", "keys", "queries", "q"}),
            (std::vector<std::string>{"quary", "queries", "keys"}));
  EXPECT_EQ(nearest_names("ab", {"bb", "aa"}, 1), (std::vector<std::string>{"aa"}));
  EXPECT_EQ(nearest_names("x", {"y"}, 5), (std::vector<std::string>{"y"}));
  EXPECT_TRUE(nearest_names("x", {}).empty());
}

TEST(LayerKinds, AreNamedAsTheirClasses) {
  EXPECT_EQ(layer_kind_name(LayerKind::kLinear), "Linear");
  EXPECT_EQ(layer_kind_name(LayerKind::kConv1D), "Conv1D");
  EXPECT_EQ(layer_kind_name(LayerKind::kConv1d), "Conv1d");
  EXPECT_EQ(layer_kind_name(LayerKind::kOther), "Other");
}

}  // namespace
}  // namespace oft
