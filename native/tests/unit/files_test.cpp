#include "src/files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <vector>

#include "core_support.hpp"

namespace oft {
namespace {

namespace fs = std::filesystem;

using testing::expect_error;

class FilesTest : public testing::FolderTest {
 protected:
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      names.push_back(entry.path().filename());
    }
    std::ranges::sort(names);
    return names;
  }
};

std::string pattern_text(std::size_t size) {
  std::string text(size, '\0');
  std::iota(text.begin(), text.end(), '\x03');
  return text;
}

TEST_F(FilesTest, TextsAreWrittenAndReadWhole) {
  const fs::path path = folder_ / "a.json";
  write_text_file(path, "first, and longer");
  write_text_file(path, "second");
  EXPECT_EQ(read_text_file(path), "second");
  write_text_file(path, "");
  EXPECT_EQ(read_text_file(path), "");
  EXPECT_EQ(names(), std::vector<std::string>{"a.json"});
}

TEST_F(FilesTest, APathWithoutFolderIsInTheCurrentOne) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  write_text_file("plain.txt", "x");
  fs::current_path(before);
  EXPECT_EQ(read_text_file(folder_ / "plain.txt"), "x");
}

TEST_F(FilesTest, TheTargetAppearsOnlyAtTheCommit) {
  const fs::path path = folder_ / "model.bin";
  write_text_file(path, "old");
  AtomicFile file(path);
  file.allocate(6);
  file.write_at(3, "def", 3);
  file.write_at(0, "abc", 3);
  EXPECT_EQ(read_text_file(path), "old");
  const std::vector<std::string> meanwhile = names();
  ASSERT_EQ(meanwhile.size(), 2U);
  EXPECT_TRUE(meanwhile[0].starts_with(".model.bin." + std::to_string(::getpid()) + "-"));
  EXPECT_TRUE(meanwhile[0].ends_with(".tmp"));
  AtomicFile moved(std::move(file));
  moved.commit(true);
  EXPECT_EQ(read_text_file(path), "abcdef");
  EXPECT_EQ(names(), std::vector<std::string>{"model.bin"});
}

TEST_F(FilesTest, WithoutACommitNothingIsLeft) {
  {
    AtomicFile file(folder_ / "a");
    file.write_at(0, "x", 1);
    AtomicFile other(folder_ / "b");
    other = std::move(file);
  }
  EXPECT_TRUE(names().empty());
}

TEST_F(FilesTest, LongNamesAreNoObstacle) {
  const fs::path path = folder_ / std::string(255, 'n');
  write_text_file(path, "x");
  EXPECT_EQ(read_text_file(path), "x");
}

TEST_F(FilesTest, ModeIsThatOfTheTargetOrOfTheUmask) {
  const auto mode = [](const fs::path& path) {
    return static_cast<int>(fs::status(path).permissions());
  };
  const fs::path path = folder_ / "a";
  const mode_t before = ::umask(027);
  write_text_file(path, "x");
  ::umask(before);
  EXPECT_EQ(mode(path), 0640);
  fs::permissions(path, fs::perms(0604));
  write_text_file(path, "y");
  EXPECT_EQ(mode(path), 0604);
}

TEST_F(FilesTest, CopiesRangesLargerThanItsBuffer) {
  const std::string text = pattern_text((5u << 20) + 17);
  write_text_file(folder_ / "source", text);
  const FileDescriptor source(open_for_reading(folder_ / "source"));
  AtomicFile file(folder_ / "target");
  file.copy_at(2, source.get(), 1, text.size() - 1);
  file.write_at(0, "##", 2);
  file.commit(false);
  EXPECT_EQ(read_text_file(folder_ / "target"), "##" + text.substr(1));
}

TEST_F(FilesTest, CopiesWhereTheKernelCannot) {
  // Of a file in /proc the kernel copies nothing, though it can be read.
  const FileDescriptor source(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  ASSERT_GE(source.get(), 0);
  AtomicFile file(folder_ / "target");
  file.copy_at(0, source.get(), 0, 5);
  file.commit(false);
  EXPECT_EQ(read_text_file(folder_ / "target"), "Name:");
}

TEST_F(FilesTest, ASourceThatEndsTooEarlyIsNamed) {
  write_text_file(folder_ / "short", "abc");
  const FileDescriptor source(open_for_reading(folder_ / "short"));
  AtomicFile file(folder_ / "target");
  expect_error(Status::kIo, {"short: ends at byte 3, 7 bytes too early"},
               [&] { file.copy_at(0, source.get(), 0, 10); });
}

TEST_F(FilesTest, AFullDiskIsNoticedBeforehand) {
  AtomicFile file(folder_ / "huge");
  expect_error(Status::kIo,
               {"huge: needs 4611686018427387904 bytes", "free; make room", "No space left"},
               [&] { file.allocate(std::uint64_t{1} << 62); });
}

TEST_F(FilesTest, BadTargetsAreRefused) {
  expect_error(Status::kIo, {"missing/a: cannot be created: No such file"},
               [&] { AtomicFile(folder_ / "missing" / "a"); });
  expect_error(Status::kIo, {"not a regular file"}, [&] { AtomicFile{folder_}; });
  expect_error(Status::kIo, {"not a regular file"}, [] { AtomicFile{"/dev/null"}; });
  write_text_file(folder_ / "file", "");
  expect_error(Status::kIo, {"file/a: cannot be created: Not a directory"},
               [&] { AtomicFile(folder_ / "file" / "a"); });
}

TEST_F(FilesTest, ATargetThatBecameAFolderIsNotReplaced) {
  AtomicFile file(folder_ / "a");
  fs::create_directory(folder_ / "a");
  expect_error(Status::kIo, {"a: cannot be replaced: Is a directory"}, [&] { file.commit(true); });
}

TEST_F(FilesTest, OnlyRegularFilesAreRead) {
  expect_error(Status::kNotFound, {"absent: cannot be opened: No such file"},
               [&] { read_text_file(folder_ / "absent"); });
  expect_error(Status::kIo, {"cannot be read: Is a directory"}, [&] { read_text_file(folder_); });
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  expect_error(Status::kIo, {"pipe: is not a regular file"},
               [&] { read_text_file(folder_ / "pipe"); });
}

TEST_F(FilesTest, TextsHaveALimit) {
  write_text_file(folder_ / "a", "12345");
  EXPECT_EQ(read_text_file(folder_ / "a", 5), "12345");
  expect_error(Status::kParse, {"a: has 5 bytes, more than the 4"},
               [&] { read_text_file(folder_ / "a", 4); });
}

}  // namespace
}  // namespace oft
