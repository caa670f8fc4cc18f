#include "settings.h"

#include <charconv>

#include "failure.h"
#include "work.h"

namespace oft::bench {
namespace {

[[noreturn]] void usage_error(const std::string& message) {
  throw Failure(ExitCode::kUsage, message + "; native/bench/README.md tells the options");
}

int positive(const std::string& flag, const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1)
    usage_error(flag + " is '" + text + "': give 1 or more");
  return value;
}

}  // namespace

Settings parse(const std::vector<std::string>& words) {
  Settings settings;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto value = [&]() -> const std::string& {
      if (i + 1 == words.size()) usage_error(word + " needs a value");
      return words[++i];
    };
    if (word == "--runs") {
      settings.runs = positive(word, value());
    } else if (word == "--tiny") {
      settings.tiny = true;
    } else if (word == "--peer") {
      settings.peer = value();
    } else if (word == "--oft") {
      settings.oft = value();
    } else if (word == "--encoder") {
      settings.encoder = value();
    } else if (word == "--folder") {
      settings.folder = value();
    } else if (word != "all" && find_work(word) == nullptr) {
      usage_error("'" + word + "' is neither an option nor a work (" + work_names() + ", all)");
    } else if (word != "all") {
      settings.works.push_back(word);
    }
  }
  return settings;
}

}  // namespace oft::bench
