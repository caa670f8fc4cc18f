#include <array>
#include <string_view>

#include "oft/targets.hpp"

namespace oft {
namespace {

struct DefaultTargets {
  std::string_view model_types;  // separated by spaces
  std::string_view targets;      // names separated by spaces, or one regular expression
  bool is_pattern = false;
};

/// PEFT 0.21, TRANSFORMERS_MODELS_TO_OFT_TARGET_MODULES_MAPPING.
constexpr auto kDefaults = std::to_array<DefaultTargets>({
    {"t5 mt5", "q v"},
    {"bart opt gptj gpt_neo llama llama4 mistral mixtral stablelm gemma gemma2 gemma3_text qwen2 "
     "qwen3",
     "q_proj v_proj"},
    {"phi", "q_proj v_proj fc1 fc2"},
    {"blip-2", "q v q_proj v_proj"},
    {"bert roberta xlm-roberta electra layoutlm", "query value"},
    {"deberta-v2", "query_proj value_proj"},
    {"deberta", "in_proj"},
    {"bloom gpt_neox chatglm RefinedWebModel RefinedWeb falcon", "query_key_value"},
    {"gpt2 gpt_bigcode", "c_attn"},
    {"btlm", "c_proj c_attn"},
    {"mpt", "Wqkv"},
    {"codegen", "qkv_proj"},
    {"nemotron_h", "q_proj k_proj v_proj o_proj"},
    {"rwkv", "key value receptance output"},
    {"rwkv7", "r_proj k_proj v_proj o_proj key value"},
    {"gemma4", R"(.*language_model\..*\.(q_proj|v_proj))", true},
});

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    result.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

}  // namespace

StringOrList default_target_modules(const std::string& model_type) {
  for (const DefaultTargets& row : kDefaults) {
    for (const std::string& known : words(row.model_types)) {
      if (known != model_type) continue;
      if (row.is_pattern) return std::string(row.targets);
      return words(row.targets);
    }
  }
  return std::monostate();
}

}  // namespace oft
