#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace oft::bench {

/// What the command line asks for.
struct Settings {
  std::vector<std::string> works;  ///< names; empty: all but those on request
  std::optional<int> runs;
  bool tiny = false;              ///< smallest shapes, one run: only to see that all works
  std::string peer;               ///< a Python with PEFT; empty: none
  std::string oft;                ///< the command `oft`; empty: none
  std::filesystem::path encoder;  ///< a folder with all-MiniLM-L6-v2 and its .pt; empty: none
  std::filesystem::path folder = std::filesystem::temp_directory_path();
};

/// Reads the words after the program's name. Throws Failure.
Settings parse(const std::vector<std::string>& words);

}  // namespace oft::bench
