#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace oft {

/// A folder being filled beside its target, which it replaces as a whole in `commit`; destroyed
/// before that, it is removed.
class StagingFolder {
 public:
  explicit StagingFolder(std::filesystem::path target);
  StagingFolder(const StagingFolder&) = delete;
  StagingFolder& operator=(const StagingFolder&) = delete;
  ~StagingFolder();

  const std::filesystem::path& path() const { return staging_; }

  /// Takes the target's place; a folder that stood there is removed afterwards.
  void commit(bool sync);

 private:
  std::filesystem::path target_;
  std::filesystem::path staging_;
};

/// Throws Error(kInvalidArgument) where `target` is the base or an adapter itself, lies inside one
/// or around it, or exists already and `force` is not set.
void check_target(const std::filesystem::path& target,
                  const std::vector<std::filesystem::path>& inputs, bool force);

/// Files below `folder` that go along with merged weights, relative to it, except `weights` and
/// hidden ones; what links point to is theirs, too. Weights of `parts`, the folders of the merged
/// models inside it, in other formats stay behind, for they would not be merged: their names go to
/// `left_behind`. Throws Error(kNotFound) where a link leads nowhere, Error(kInvalidArgument) where
/// one leads back.
std::vector<std::filesystem::path> companion_files(
    const std::filesystem::path& folder, const std::vector<std::filesystem::path>& parts,
    const std::vector<std::filesystem::path>& weights, std::vector<std::string>& left_behind);

}  // namespace oft
