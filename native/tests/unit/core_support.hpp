#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "oft/error.hpp"

namespace oft::testing {

namespace fs = std::filesystem;

/// A folder of its own for one test, removed afterwards.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::random_device random;
    path_ = fs::temp_directory_path() / ("oft-test-" + std::to_string(random()));
    fs::create_directory(path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { fs::remove_all(path_); }

  fs::path operator/(const std::string& name) const { return path_ / name; }
  const fs::path& path() const { return path_; }

  /// Names in the folder, hidden ones included.
  std::set<std::string> names() const {
    std::set<std::string> names;
    for (const auto& item : fs::directory_iterator(path_)) names.insert(item.path().filename());
    return names;
  }

 private:
  fs::path path_;
};

/// A test with a folder of its own.
class FolderTest : public ::testing::Test {
  TemporaryFolder temporary_;

 protected:
  const fs::path folder_ = temporary_.path();
};

/// Runs `body`, expects oft::Error of `status`, returns its text.
template <typename Body>
std::string error_of(Status status, Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), status) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error was thrown";
  return "";
}

inline void expect_contains(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    EXPECT_NE(text.find(part), std::string::npos) << '"' << part << "\" is not in: " << text;
  }
}

/// Expects an Error of this status whose text has all the parts.
template <typename Action>
void expect_error(Status status, const std::vector<std::string>& parts, Action&& action) {
  expect_contains(error_of(status, std::forward<Action>(action)), parts);
}

}  // namespace oft::testing
