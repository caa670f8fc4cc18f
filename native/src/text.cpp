#include "text.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace oft {

std::string shape_text(c10::IntArrayRef shape) {
  std::ostringstream out;
  out << shape;
  return out.str();
}

std::string number_text(double value) {
  std::ostringstream out;
  out << std::setprecision(3) << value;
  return out.str();
}

std::string quote_some(const std::vector<std::string>& names, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < std::min(count, names.size()); ++i)
    text += (i == 0 ? "'" : ", '") + names[i] + "'";
  if (names.size() > count) text += " and " + std::to_string(names.size() - count) + " more";
  return text;
}

}  // namespace oft
