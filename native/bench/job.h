// What the benchmarks of whole jobs share.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace oft::bench {

/// Removed with all that is in it.
struct Workspace {
  explicit Workspace(const std::filesystem::path& parent)
      : path(parent / ("oft-bench-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path);
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

inline double seconds(const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Runs a program, returns what it prints; ends this one where that fails.
inline std::string run(const std::vector<std::string>& command) {
  std::string line;
  for (const std::string& word : command) line += "'" + word + "' ";
  FILE* pipe = ::popen(line.c_str(), "r");
  std::string output;
  char buffer[256];
  while (pipe != nullptr && std::fgets(buffer, sizeof buffer, pipe) != nullptr) output += buffer;
  if (pipe == nullptr || ::pclose(pipe) != 0) {
    std::cerr << "failed: " << line << "\n";
    std::exit(1);
  }
  return output;
}

/// The most that this process has had resident since it was started, MB. (What getrusage tells
/// counts the parent of a child, too.)
inline double peak_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (double kilobytes = 0; word == "VmHWM:" && status >> kilobytes)
      return kilobytes * 1024 / 1e6;
  return 0;
}

struct Row {
  std::string name;
  std::vector<double> times;

  double median() const {
    std::vector<double> sorted = times;
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }
};

}  // namespace oft::bench
