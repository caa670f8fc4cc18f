#include "workspace.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "failure.h"

namespace oft::bench {
namespace {

void remove_tree(const std::filesystem::path& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

}  // namespace

Workspace::Workspace(const std::filesystem::path& parent)
    : path_(parent / ("oft-bench-" + std::to_string(::getpid()))) {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::error_code error;
  if (!std::filesystem::create_directories(path_, error))
    throw Failure(ExitCode::kIo, "cannot make " + path_.string() + ": " + error.message());
  std::thread([signals, path = path_] {
    int signal = 0;
    ::sigwait(&signals, &signal);
    remove_tree(path);
    std::_Exit(static_cast<int>(ExitCode::kInterrupted));
  }).detach();
}

Workspace::~Workspace() { remove_tree(path_); }

}  // namespace oft::bench
