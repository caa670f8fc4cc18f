#include "hub_cache.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "files.hpp"
#include "oft/error.hpp"
#include "oft/targets.hpp"
#include "text.hpp"

namespace oft {
namespace {

namespace fs = std::filesystem;

/// `org/name[@revision][/subfolder]`, or a name alone, as the oldest models have it.
struct HubName {
  std::string repository;
  std::string revision;  // empty: main
  fs::path subfolder;
};

/// What the hub allows in each half of a repository's name.
bool is_hub_word(const std::string& word) {
  if (word.empty() || word.size() > 96) return false;
  for (const char end : {word.front(), word.back()})
    if (end == '.' || end == '-') return false;
  if (word.find("--") != std::string::npos || word.find("..") != std::string::npos) return false;
  return std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
}

bool is_file_name(const std::string& word) {
  constexpr std::array<const char*, 4> suffixes{".safetensors", ".bin", ".pt", ".json"};
  return std::any_of(suffixes.begin(), suffixes.end(),
                     [&](const char* suffix) { return word.ends_with(suffix); });
}

std::optional<HubName> parse_hub_name(const fs::path& path) {
  std::vector<std::string> words;
  for (const fs::path& word : path) words.push_back(word.string());
  if (words.empty() || path.is_absolute()) return std::nullopt;
  const std::size_t own = words.size() == 1 ? 0 : 1;  // the word that names the model itself
  HubName name;
  const std::size_t at = words[own].find('@');
  if (at != std::string::npos) {
    name.revision = words[own].substr(at + 1);
    words[own].resize(at);
    if (!is_hub_word(name.revision)) return std::nullopt;
  }
  if (!is_hub_word(words[0]) || !is_hub_word(words[own]) || is_file_name(words[own]))
    return std::nullopt;
  if (own == 0 && words[0].find('.') != std::string::npos) return std::nullopt;
  name.repository = own == 0 ? words[0] : words[0] + "/" + words[1];
  for (std::size_t i = own + 1; i < words.size(); ++i) {
    if (words[i] == "..") return std::nullopt;
    name.subfolder /= words[i];
  }
  return name;
}

/// A folder that an environment variable names; empty where it names none.
fs::path folder_from(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return {};
  const std::string value = text;
  const char* const home = std::getenv("HOME");
  if (home != nullptr && value.starts_with("~/")) return fs::path(home) / value.substr(2);
  return value;
}

std::vector<fs::path> hub_caches() {
  std::vector<fs::path> caches{folder_from("HF_HUB_CACHE"), folder_from("HUGGINGFACE_HUB_CACHE")};
  if (const fs::path home = folder_from("HF_HOME"); !home.empty()) caches.push_back(home / "hub");
  fs::path cache = folder_from("XDG_CACHE_HOME");
  if (const fs::path home = folder_from("HOME"); cache.empty() && !home.empty())
    cache = home / ".cache";
  if (!cache.empty()) caches.push_back(cache / "huggingface/hub");

  std::vector<fs::path> places;
  for (const fs::path& folder : caches)
    if (!folder.empty() && std::find(places.begin(), places.end(), folder) == places.end())
      places.push_back(folder);
  return places;
}

std::string cache_folder_name(const std::string& repository) {
  std::string name = "models--" + repository;
  if (const std::size_t slash = name.find('/'); slash != std::string::npos)
    name.replace(slash, 1, "--");
  return name;
}

/// Names in a folder, sorted; none where there is no such folder.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code absent;
  for (const auto& item : fs::directory_iterator(folder, absent))
    names.push_back(item.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string list_paths(const std::vector<fs::path>& paths) {
  std::string text;
  for (const fs::path& path : paths) text += (text.empty() ? "" : ", ") + path.string();
  return text;
}

std::string trimmed(const std::string& text) {
  constexpr const char* space = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(space);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

/// One model in a cache.
class CachedModel {
 public:
  CachedModel(HubName name, fs::path folder)
      : name_(std::move(name)),
        folder_(std::move(folder)),
        snapshots_(names_in(folder_ / "snapshots")) {}

  /// The snapshot, and in it the subfolder, that the name means.
  fs::path resolve() const {
    const fs::path snapshot = folder_ / "snapshots" / commit();
    check_links(snapshot);
    const fs::path wanted = name_.subfolder.empty() ? snapshot : snapshot / name_.subfolder;
    if (!fs::exists(wanted))
      fail(Status::kNotFound, snapshot,
           "holds no '" + name_.subfolder.string() + "'; nearest: " +
               quote_some(nearest_names(name_.subfolder.string(), names_in(snapshot))));
    return wanted;
  }

 private:
  std::string commit() const {
    const std::string revision = name_.revision.empty() ? "main" : name_.revision;
    const fs::path reference = folder_ / "refs" / revision;
    if (fs::is_regular_file(reference)) {
      const std::string commit = trimmed(read_text_file(reference, /*limit=*/1024));
      if (!is_snapshot(commit))
        fail(Status::kNotFound, folder_,
             "refs/" + revision + " names the commit '" + commit +
                 "', which has no snapshot (it holds " + snapshots_text() + "); " + remedy());
      return commit;
    }
    std::vector<std::string> candidates;
    for (const std::string& snapshot : snapshots_)
      if (name_.revision.empty() || snapshot.starts_with(revision)) candidates.push_back(snapshot);
    if (candidates.size() == 1) return candidates.front();
    if (!candidates.empty())
      fail(Status::kInvalidArgument, folder_,
           (name_.revision.empty() ? "has no refs/main and several snapshots: "
                                   : "several snapshots begin with '" + revision + "': ") +
               quote_some(candidates) + "; name one as '" + name_.repository +
               "@' and the beginning of its name");
    fail(Status::kNotFound, folder_,
         "has no revision '" + revision + "'; it holds " + snapshots_text() + "; " + remedy());
  }

  bool is_snapshot(const std::string& commit) const {
    return std::find(snapshots_.begin(), snapshots_.end(), commit) != snapshots_.end();
  }

  /// A blob that is gone would make its file look as if it had never been there.
  void check_links(const fs::path& snapshot) const {
    for (const auto& item : fs::recursive_directory_iterator(snapshot))
      if (item.is_symlink() && !item.exists())
        fail(Status::kNotFound, item.path(),
             "a link to " + fs::read_symlink(item.path()).string() +
                 ", which is missing, so the snapshot is not whole; " + remedy());
  }

  std::string snapshots_text() const {
    return snapshots_.empty() ? "no snapshot" : "the snapshots " + quote_some(snapshots_);
  }

  std::string remedy() const {
    return "nothing is downloaded here; `hf download " + name_.repository +
           (name_.revision.empty() ? "" : " --revision " + name_.revision) + "` does it";
  }

  [[noreturn]] void fail(Status status, const fs::path& place, const std::string& what) const {
    throw Error(status,
                name_.repository + ": in the Hugging Face cache, " + place.string() + ": " + what);
  }

  HubName name_;
  fs::path folder_;
  std::vector<std::string> snapshots_;
};

}  // namespace

fs::path local_model_path(const fs::path& path) {
  std::error_code failure;
  if (fs::exists(path, failure)) return path;
  if (failure) throw Error(Status::kIo, path.string() + ": " + failure.message());
  const std::optional<HubName> name = parse_hub_name(path);
  if (!name) throw Error(Status::kNotFound, path.string() + ": no such file or folder");
  const std::vector<fs::path> caches = hub_caches();
  for (const fs::path& cache : caches) {
    const fs::path folder = cache / cache_folder_name(name->repository);
    if (fs::is_directory(folder)) return CachedModel(*name, folder).resolve();
  }
  throw Error(Status::kNotFound,
              path.string() + ": no such file or folder, and no model '" + name->repository +
                  "' in the Hugging Face cache (looked for " + cache_folder_name(name->repository) +
                  " in " + list_paths(caches) + "); nothing is downloaded here; `hf download " +
                  name->repository + "` fetches it");
}

}  // namespace oft
