#include "merge_target.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <string>
#include <system_error>

#include "files.hpp"
#include "oft/error.hpp"

namespace oft {
namespace {

namespace fs = std::filesystem;

/// The path with links resolved as far as it exists, without a slash at its end.
fs::path resolved(const fs::path& path) {
  const fs::path whole = fs::weakly_canonical(fs::absolute(path));
  return whole.has_filename() ? whole : whole.parent_path();
}

bool is_inside(const fs::path& inner, const fs::path& outer) {
  const auto [end, rest] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return end == outer.end();
}

[[noreturn]] void fail(const fs::path& path, const std::string& what, int code) {
  throw Error(Status::kIo,
              path.string() + ": " + what + ": " + std::generic_category().message(code));
}

bool holds_weights(const fs::path& file) {
  constexpr std::array<const char*, 9> suffixes{
      ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".gguf", ".onnx", ".msgpack"};
  const std::string name = file.filename().string();
  if (name.ends_with(".index.json")) return true;
  return std::any_of(suffixes.begin(), suffixes.end(),
                     [&](const char* suffix) { return name.ends_with(suffix); });
}

void check_link(const fs::path& link) {
  if (!fs::exists(link))
    throw Error(Status::kNotFound, link.string() + ": a link to " +
                                       fs::read_symlink(link).string() + ", which is missing");
  if (fs::is_directory(link) && is_inside(resolved(link.parent_path()), fs::canonical(link)))
    throw Error(Status::kInvalidArgument,
                link.string() + ": a link to a folder that it lies in itself");
}

}  // namespace

StagingFolder::StagingFolder(fs::path target) : target_(resolved(target)) {
  const fs::path parent = target_.parent_path();
  std::error_code failure;
  fs::create_directories(parent, failure);
  if (failure) fail(parent, "cannot be created", failure.value());
  std::random_device random;
  staging_ = parent / ("." + target_.filename().string() + "." + std::to_string(::getpid()) + "-" +
                       std::to_string(random()) + ".tmp");
  if (::mkdir(staging_.c_str(), 0777) != 0) {
    const int code = errno;
    staging_.clear();
    fail(parent, "no folder can be created here for the result", code);
  }
}

StagingFolder::~StagingFolder() {
  if (staging_.empty()) return;
  std::error_code ignored;
  fs::remove_all(staging_, ignored);
}

void StagingFolder::commit(bool sync) {
  if (sync) sync_directory(staging_);
  if (::rename(staging_.c_str(), target_.c_str()) == 0) {
    staging_.clear();
  } else {
    if (errno != ENOTEMPTY && errno != EEXIST) fail(target_, "cannot be put in place", errno);
    // After the exchange the staging folder is the old target, which the destructor removes.
    if (::renameat2(AT_FDCWD, staging_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0)
      fail(target_, "cannot be replaced", errno);
  }
  if (sync) sync_directory(target_.parent_path());
}

void check_target(const fs::path& target, const std::vector<fs::path>& inputs, bool force) {
  const fs::path whole = resolved(target);
  for (const fs::path& input : inputs) {
    const fs::path source = resolved(input);
    if (whole == source)
      throw Error(Status::kInvalidArgument, target.string() + ": the target is the source " +
                                                input.string() + "; choose another");
    if (is_inside(whole, source) || is_inside(source, whole))
      throw Error(Status::kInvalidArgument, target.string() + ": the target and the source " +
                                                input.string() +
                                                " lie one inside the other; choose another");
  }
  std::error_code ignored;
  const bool occupied = fs::is_directory(whole) ? !fs::is_empty(whole, ignored) : fs::exists(whole);
  if (occupied && !force)
    throw Error(Status::kInvalidArgument,
                target.string() +
                    ": exists already; remove it, choose another, or use force to replace it");
}

std::vector<fs::path> companion_files(const fs::path& folder, const std::vector<fs::path>& parts,
                                      const std::vector<fs::path>& weights,
                                      std::vector<std::string>& left_behind) {
  const auto is_merged = [&](const fs::path& path) {
    return std::any_of(parts.begin(), parts.end(), [&](const fs::path& part) {
      return part.empty() || is_inside(path, folder / part);
    });
  };
  std::vector<fs::path> files;
  for (auto item = fs::recursive_directory_iterator(
           folder, fs::directory_options::follow_directory_symlink);
       item != fs::end(item); ++item) {
    const fs::path& path = item->path();
    if (path.filename().string().starts_with(".")) {
      if (item->is_directory()) item.disable_recursion_pending();
      continue;
    }
    if (item->is_symlink()) check_link(path);
    if (!item->is_regular_file()) continue;
    const fs::path relative = path.lexically_relative(folder);
    if (std::find(weights.begin(), weights.end(), relative) != weights.end()) continue;
    if (is_merged(path) && holds_weights(path))
      left_behind.push_back(relative.string());
    else
      files.push_back(relative);
  }
  std::sort(files.begin(), files.end());
  std::sort(left_behind.begin(), left_behind.end());
  return files;
}

}  // namespace oft
