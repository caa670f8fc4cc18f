#pragma once

#include <c10/util/ArrayRef.h>

#include <cstdint>
#include <string>
#include <vector>

/// Pieces of messages.
namespace oft {

/// "[2, 3]".
std::string shape_text(c10::IntArrayRef shape);

/// Three significant digits.
std::string number_text(double value);

/// 'a', 'b' and 3 more: the first few of a list, quoted.
std::string quote_some(const std::vector<std::string>& names, std::size_t count = 5);

}  // namespace oft
