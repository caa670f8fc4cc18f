#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "failure.h"

namespace oft::bench {
namespace {

struct Pipe {
  int read;
  int write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    throw Failure(ExitCode::kIo, std::string("no pipe: ") + std::strerror(errno));
  return {ends[0], ends[1]};
}

/// Starts a program with both pipes; it takes the signals that this one has blocked.
pid_t spawn(const Command& command, int input, int output) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);

  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error != 0)
    throw Failure(ExitCode::kBadInput, "cannot start " + command[0] + ": " + std::strerror(error));
  return pid;
}

}  // namespace

Process::Process(const Command& command) : name_(command[0]) {
  const Pipe input = make_pipe();
  const Pipe output = make_pipe();
  try {
    pid_ = spawn(command, input.read, output.write);
  } catch (...) {
    for (const int end : {input.read, input.write, output.read, output.write}) ::close(end);
    throw;
  }
  ::close(input.read);
  ::close(output.write);
  input_ = input.write;
  output_ = output.read;
}

Process::~Process() {
  if (pid_ > 0) end_and_wait();
}

int Process::end_and_wait() {
  ::close(input_);
  while (read_some()) {
  }
  ::close(output_);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

bool Process::read_some() {
  char buffer[4096];
  ssize_t size;
  do {
    size = ::read(output_, buffer, sizeof buffer);
  } while (size < 0 && errno == EINTR);
  if (size > 0) unread_.append(buffer, static_cast<std::size_t>(size));
  return size > 0;
}

std::string Process::ask(const std::string& line) {
  const std::string request = line + "\n";
  std::size_t written = 0;
  while (written < request.size()) {
    const ssize_t size = ::write(input_, request.data() + written, request.size() - written);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) break;  // it has ended, which the read below tells
    written += static_cast<std::size_t>(size);
  }
  std::size_t end;
  while ((end = unread_.find('\n')) == std::string::npos)
    if (!read_some())
      throw Failure(ExitCode::kBadInput, name_ + " ended without an answer; see what it printed");
  std::string answer = unread_.substr(0, end);
  unread_.erase(0, end + 1);
  return answer;
}

std::string Process::finish() {
  const int status = end_and_wait();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Failure(ExitCode::kBadInput,
                  name_ + " failed, " +
                      (WIFEXITED(status) ? "exit status " + std::to_string(WEXITSTATUS(status))
                                         : "signal " + std::to_string(WTERMSIG(status))));
  return std::move(unread_);
}

std::string run(const Command& command) { return Process(command).finish(); }

std::string this_program() { return std::filesystem::read_symlink("/proc/self/exe"); }

double peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (double kibibytes = 0; word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  return 0;
}

}  // namespace oft::bench
