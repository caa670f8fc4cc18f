#include "hub_cache.hpp"

#include <cstdlib>
#include <optional>

#include "oft/adapter_file.hpp"
#include "oft/check.hpp"
#include "oft/checkpoint.hpp"
#include "oft/checkpoint_merge.hpp"
#include "support.hpp"

namespace oft {
namespace {

using namespace testing;

const std::string kCommit = "0123456789abcdef0123456789abcdef01234567";
const std::string kOther = "0fedcba9876543210fedcba9876543210fedcba9";

/// An environment variable for the time of a test.
class Variable {
 public:
  Variable(std::string name, const std::string& value) : name_(std::move(name)) {
    if (const char* before = std::getenv(name_.c_str())) before_ = before;
    ::setenv(name_.c_str(), value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() {
    if (before_)
      ::setenv(name_.c_str(), before_->c_str(), 1);
    else
      ::unsetenv(name_.c_str());
  }

 private:
  std::string name_;
  std::optional<std::string> before_;
};

/// The cache as huggingface_hub lays it out, in a folder of the test.
class HubCacheTest : public FolderTest {
 protected:
  fs::path hub() const { return folder_ / "hub"; }
  fs::path model() const { return hub() / "models--org--name"; }
  fs::path snapshot(const std::string& commit = kCommit) const {
    return model() / "snapshots" / commit;
  }

  /// Adds files to a snapshot: each a blob, and a link to it.
  void add_snapshot(const std::string& commit, const fs::path& files) const {
    fs::create_directories(model() / "blobs");
    for (const auto& item : fs::recursive_directory_iterator(files)) {
      if (!item.is_regular_file()) continue;
      const fs::path name = item.path().lexically_relative(files);
      const fs::path link = snapshot(commit) / name;
      const std::string blob = commit.substr(0, 8) + std::to_string(blobs_++);
      fs::copy_file(item.path(), model() / "blobs" / blob);
      fs::create_directories(link.parent_path());
      fs::create_symlink((model() / "blobs" / blob).lexically_relative(link.parent_path()), link);
    }
  }

  void add_reference(const std::string& name, const std::string& commit) const {
    fs::create_directories(model() / "refs");
    std::ofstream(model() / "refs" / name) << commit;
  }

  std::string not_found(const std::string& name) const {
    return error_of(Status::kNotFound, [&] { local_model_path(name); });
  }

  void expect_contains(const std::string& text, const std::string& part) const {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }

 private:
  mutable int blobs_ = 0;
  Variable hub_cache_{"HF_HUB_CACHE", hub().string()};
  Variable old_hub_cache_{"HUGGINGFACE_HUB_CACHE", ""};
  Variable hf_home_{"HF_HOME", ""};
  Variable cache_{"XDG_CACHE_HOME", (folder_ / "cache").string()};
};

TEST_F(HubCacheTest, PathsThatExistStayAsTheyAre) {
  add_snapshot(kCommit, data_dir() / "base");
  EXPECT_EQ(local_model_path(data_dir() / "base"), data_dir() / "base");
  const fs::path before = fs::current_path();
  fs::create_directories(folder_ / "work/org/name");
  fs::current_path(folder_ / "work");
  EXPECT_EQ(local_model_path("org/name"), "org/name");
  fs::current_path(before);
  EXPECT_EQ(local_model_path("org/name"), snapshot());
}

TEST_F(HubCacheTest, TheMainBranchIsMeantUnlessARevisionIsNamed) {
  add_snapshot(kCommit, data_dir() / "base");
  add_snapshot(kOther, data_dir() / "base");
  add_reference("main", kOther);
  add_reference("v1.0", kCommit + "\n");
  EXPECT_EQ(local_model_path("org/name"), snapshot(kOther));
  EXPECT_EQ(local_model_path("org/name@main"), snapshot(kOther));
  EXPECT_EQ(local_model_path("org/name@v1.0"), snapshot(kCommit));
  EXPECT_EQ(local_model_path("org/name@0123"), snapshot(kCommit));
  EXPECT_EQ(local_model_path("org/name@" + kOther), snapshot(kOther));
  expect_contains(not_found("org/name@v2"), "no revision 'v2'");
  expect_contains(not_found("org/name@v2"), kCommit);
  expect_contains(not_found("org/name@v2"), "hf download org/name --revision v2");
  expect_contains(error_of(Status::kInvalidArgument, [] { local_model_path("org/name@0"); }),
                  "several snapshots begin with '0'");
}

TEST_F(HubCacheTest, WithoutAMainBranchTheOnlySnapshotIsMeant) {
  add_snapshot(kCommit, data_dir() / "base");
  EXPECT_EQ(local_model_path("org/name"), snapshot());
  add_snapshot(kOther, data_dir() / "base");
  const std::string text = error_of(Status::kInvalidArgument, [] { local_model_path("org/name"); });
  expect_contains(text, "'" + kCommit + "', '" + kOther + "'");
  expect_contains(text, "'org/name@'");
}

TEST_F(HubCacheTest, SubfoldersFollowTheName) {
  add_snapshot(kCommit, data_dir());
  EXPECT_EQ(local_model_path("org/name/adapters/exact"), snapshot() / "adapters/exact");
  EXPECT_EQ(local_model_path("org/name@" + kCommit + "/base"), snapshot() / "base");
  const std::string text = not_found("org/name/bases");
  expect_contains(text, "holds no 'bases'");
  expect_contains(text, "'base'");
  expect_contains(not_found("org/name/../../secret"), "no such file or folder");
}

TEST_F(HubCacheTest, NamesWithoutAnOrganisationAreTheOldestModels) {
  fs::create_directories(hub() / "models--gpt2/snapshots" / kCommit);
  EXPECT_EQ(local_model_path("gpt2"), hub() / "models--gpt2/snapshots" / kCommit);
}

TEST_F(HubCacheTest, AReferenceWithoutItsSnapshotIsSaid) {
  add_snapshot(kCommit, data_dir() / "base");
  add_reference("main", kOther);
  const std::string text = not_found("org/name");
  expect_contains(text, "refs/main names the commit '" + kOther + "'");
  expect_contains(text, "'" + kCommit + "'");
  expect_contains(text, "hf download org/name");
}

TEST_F(HubCacheTest, AModelWithoutSnapshotsIsSaid) {
  fs::create_directories(model() / "blobs");
  expect_contains(not_found("org/name"), "it holds no snapshot");
}

TEST_F(HubCacheTest, ALinkToAMissingBlobIsNamed) {
  add_snapshot(kCommit, data_dir() / "base");
  fs::remove_all(model() / "blobs");
  const std::string text = not_found("org/name");
  expect_contains(text, snapshot().string());
  expect_contains(text, "../../blobs/01234567");
  expect_contains(text, "hf download org/name");
}

TEST_F(HubCacheTest, EveryPlaceIsLookedAtInItsOrder) {
  const Variable old("HUGGINGFACE_HUB_CACHE", (folder_ / "old").string());
  const Variable home("HF_HOME", "~/hf");
  const Variable user("HOME", (folder_ / "user").string());
  const std::vector<fs::path> places{folder_ / "hub", folder_ / "old", folder_ / "user/hf/hub",
                                     folder_ / "cache/huggingface/hub"};
  std::string list;
  for (const fs::path& place : places) list += (list.empty() ? "" : ", ") + place.string();
  const std::string text = not_found("org/name");
  expect_contains(text, "org/name: no such file or folder, and no model 'org/name'");
  expect_contains(text, "looked for models--org--name in " + list + ")");
  expect_contains(text, "nothing is downloaded here; `hf download org/name`");
  for (auto place = places.rbegin(); place != places.rend(); ++place) {
    const fs::path snapshot = *place / "models--org--name/snapshots" / kCommit;
    fs::create_directories(snapshot);
    EXPECT_EQ(local_model_path("org/name"), snapshot);
  }

  const Variable cache("XDG_CACHE_HOME", "");
  expect_contains(not_found("org/other"), (folder_ / "user/.cache/huggingface/hub").string());
}

TEST_F(HubCacheTest, WhatCannotBeANameIsAPathOnly) {
  for (const char* path :
       {"/org/name", "./org/name", "../name", "org/name.safetensors", "base.pt", "some file",
        "org/-name", "org/a--b", "org/name@", "org/name@../..", "a@b/name", "", "base.d"})
    EXPECT_EQ(not_found(path), std::string(path) + ": no such file or folder");
}

TEST_F(HubCacheTest, EverythingThatReadsModelsTakesNames) {
  add_snapshot(kCommit, data_dir() / "base");
  const fs::path adapter = hub() / "models--me--adapter/snapshots" / kCommit;
  fs::create_directories(adapter.parent_path());
  fs::copy(data_dir() / "adapters/exact", adapter);
  EXPECT_EQ(Checkpoint::open("org/name").path(), snapshot());
  EXPECT_EQ(AdapterFile::load("me/adapter").path, adapter);
  EXPECT_TRUE(check_adapter("org/name", "me/adapter").problems.empty());
  EXPECT_EQ(json::parse(describe_path("org/name"))["path"], snapshot().string());
  EXPECT_EQ(json::parse(describe_path("me/adapter"))["type"], "adapter");

  CheckpointMerge("org/name").adapter("me/adapter").write_to(folder_ / "out");
  CheckpointMerge(data_dir() / "base")
      .adapter(data_dir() / "adapters/exact")
      .write_to(folder_ / "expected");
  for (const auto& item : fs::directory_iterator(folder_ / "expected")) {
    const fs::path file = folder_ / "out" / item.path().filename();
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(file))) << file;
    EXPECT_EQ(fs::file_size(file), item.file_size()) << file;
  }
}

TEST_F(HubCacheTest, AComponentOfACachedPipelineHasANameToo) {
  const fs::path pipeline = folder_ / "pipeline";
  fs::create_directories(pipeline);
  fs::copy(data_dir() / "base", pipeline / "text_encoder");
  std::ofstream(pipeline / "model_index.json") << "{}";
  add_snapshot(kCommit, pipeline);
  EXPECT_EQ(json::parse(describe_path("org/name"))["type"], "pipeline");
  EXPECT_EQ(json::parse(describe_path("org/name/text_encoder"))["type"], "checkpoint");
  const fs::path adapter = data_dir() / "adapters/exact";
  EXPECT_TRUE(check_adapter("org/name", adapter).problems.empty());
  const MergeReport report =
      CheckpointMerge("org/name").adapter(adapter, "text_encoder").write_to(folder_ / "out");
  EXPECT_EQ(report.files, std::vector<std::string>{"text_encoder/model.safetensors"});
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(folder_ / "out/text_encoder/config.json")));
}

TEST_F(HubCacheTest, TheTargetIsAPathAndNeverInTheSnapshot) {
  add_snapshot(kCommit, data_dir() / "base");
  const fs::path adapter = data_dir() / "adapters/exact";
  EXPECT_NE(
      error_of(Status::kInvalidArgument,
               [&] { CheckpointMerge("org/name").adapter(adapter).write_to(snapshot() / "out"); })
          .find("one inside the other"),
      std::string::npos);
  const fs::path before = fs::current_path();
  fs::create_directories(folder_ / "work");
  fs::current_path(folder_ / "work");
  CheckpointMerge("org/name").adapter(adapter).write_to("org/name");
  fs::current_path(before);
  EXPECT_TRUE(fs::exists(folder_ / "work/org/name/model.safetensors"));
}

}  // namespace
}  // namespace oft
