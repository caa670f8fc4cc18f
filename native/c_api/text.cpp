#include "boundary.hpp"

const char* oft_text_data(const oft_text* text, size_t* out_size) {
  if (out_size != nullptr) *out_size = text == nullptr ? 0 : text->value.size();
  return text == nullptr ? nullptr : text->value.data();
}

void oft_text_destroy(oft_text* text) { delete text; }
