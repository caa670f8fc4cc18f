#include "archive_writer.hpp"

#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "core_support.hpp"

namespace oft {
namespace {

using namespace testing;

/// While it lives, files cannot grow beyond a size, as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

class ArchiveFile : public FolderTest {
 protected:
  fs::path file_ = folder_ / "archive.bin";
};

TEST_F(ArchiveFile, HoldsThePiecesInOrder) {
  write_archive(file_, [](const ArchiveWriter& writer) {
    EXPECT_EQ(writer("one ", 4), 4U);
    EXPECT_EQ(writer("two", 3), 3U);
  });
  std::ifstream in(file_);
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(in)), {}), "one two");
}

TEST_F(ArchiveFile, AFullDiskIsToldOnlyAfterTheExporterIsDone) {
  std::ofstream(file_) << "before";
  int pieces = 0;
  expect_error(Status::kIo, {"archive.bin"}, [&] {
    const FileSizeLimit limit(1000);
    write_archive(file_, [&](const ArchiveWriter& writer) {
      const std::string piece(300, 'x');
      for (; pieces < 10; ++pieces) EXPECT_EQ(writer(piece.data(), piece.size()), piece.size());
    });
  });
  EXPECT_EQ(pieces, 10);
  std::ifstream in(file_);
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(in)), {}), "before");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

}  // namespace
}  // namespace oft
