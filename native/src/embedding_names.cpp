#include "embedding_names.hpp"

#include <algorithm>
#include <array>

namespace oft {
namespace {

constexpr std::array<std::string_view, 6> kInput{"embed_tokens", "word_embeddings", "wte",
                                                 "embed_in",     "tok_embeddings",  "shared"};
constexpr std::array<std::string_view, 2> kOutput{"lm_head", "embed_out"};

std::string_view last_name(std::string_view module) { return module.substr(module.rfind('.') + 1); }

}  // namespace

bool is_input_embedding_name(std::string_view module) {
  return std::find(kInput.begin(), kInput.end(), last_name(module)) != kInput.end();
}

bool is_output_embedding_name(std::string_view module) {
  return std::find(kOutput.begin(), kOutput.end(), last_name(module)) != kOutput.end();
}

}  // namespace oft
