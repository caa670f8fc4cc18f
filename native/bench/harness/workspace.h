#pragma once

#include <filesystem>

namespace oft::bench {

/// A folder for the files of a run, removed with all that is in it, also where the run is
/// interrupted or terminated.
class Workspace {
 public:
  /// Makes it in `parent`. From now on SIGINT and SIGTERM end the program by way of it; so this
  /// comes before any other thread. One a process.
  explicit Workspace(const std::filesystem::path& parent);
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace();

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace oft::bench
