#pragma once

#include <string_view>

namespace oft {

/// Whether a module's last name is one that transformers' models give their token embedding.
bool is_input_embedding_name(std::string_view module);

/// The same for the output embedding, the head of a language model.
bool is_output_embedding_name(std::string_view module);

}  // namespace oft
