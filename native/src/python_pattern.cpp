#include "python_pattern.hpp"

#include "json_text.hpp"
#include "oft/error.hpp"

namespace oft {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";

bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class Translator {
 public:
  Translator(std::string_view pattern, std::string_view field) : pattern_(pattern), field_(field) {}

  PythonPattern run() {
    while (at_ < pattern_.size()) {
      if (rest().starts_with('\\') && rest().size() > 1) {
        escape();
      } else if (in_class_) {
        class_member();
      } else {
        ordinary();
      }
    }
    result_.origins.push_back(pattern_.size());
    return std::move(result_);
  }

 private:
  std::string_view rest() const { return pattern_.substr(at_); }

  /// Replaces the next `length` bytes.
  void emit(std::string_view text, std::size_t length) {
    result_.text += text;
    result_.origins.resize(result_.text.size(), at_);
    at_ += length;
  }

  void copy(std::size_t length) {
    for (; length > 0; --length) emit(pattern_.substr(at_, 1), 1);
  }

  [[noreturn]] void fail(const std::string& reason) const {
    throw_malformed_pattern(pattern_, field_, at_, reason);
  }

  void escape() {
    const char c = rest()[1];
    switch (c) {
      case 'v':  // in PCRE2 any vertical white space
        return emit("\\x0b", 2);
      case 'Z':  // in PCRE2 also before a newline at the end
        return emit("\\z", 2);
      case 'x':
        return code_point(2);
      case 'u':
        return code_point(4);
      case 'U':
        return code_point(8);
      default:
        if (is_ascii_letter(c) && std::string_view("AbBdDsSwWafnrt").find(c) == std::string::npos) {
          fail(std::string("bad escape \\") + c);
        }
        return copy(2);
    }
  }

  void code_point(std::size_t digits) {
    const std::string_view code = rest().substr(2, digits);
    if (code.size() < digits || code.find_first_not_of(kHexDigits) != std::string::npos) {
      fail("incomplete escape " + std::string(rest().substr(0, 2)));
    }
    emit("\\x{" + std::string(code) + "}", 2 + digits);
  }

  void class_member() {
    if (rest().starts_with('[')) return emit("\\[", 1);  // no [:alpha:] in Python
    in_class_ = !rest().starts_with(']');
    copy(1);
  }

  void ordinary() {
    if (rest().starts_with("(*")) fail("nothing to repeat");
    if (rest().starts_with("{,")) return bounds_from_zero();
    in_class_ = rest().starts_with('[');
    copy(1);
    if (!in_class_) return;
    if (rest().starts_with('^')) copy(1);
    if (rest().starts_with(']')) emit("\\]", 1);  // the first member
  }

  /// `{,n}` and `{,}`; anything else in braces is literal in both.
  void bounds_from_zero() {
    const std::size_t end = rest().find_first_not_of(kDigits, 2);
    const bool is_bounds = end != std::string::npos && rest()[end] == '}';
    emit(is_bounds ? "{0," : "{,", 2);
  }

  std::string_view pattern_;
  std::string_view field_;
  std::size_t at_ = 0;
  bool in_class_ = false;
  PythonPattern result_;
};

}  // namespace

PythonPattern translate_python_pattern(std::string_view pattern, std::string_view field) {
  return Translator(pattern, field).run();
}

void throw_malformed_pattern(std::string_view pattern, std::string_view field, std::size_t offset,
                             const std::string& reason) {
  throw Error(Status::kInvalidArgument, std::string(field) + ": " + quote(pattern) +
                                            " is not a regular expression: " + reason +
                                            " at offset " + std::to_string(offset));
}

}  // namespace oft
