#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace oft::bench {

using Command = std::vector<std::string>;

/// A program that runs beside this one and answers a line with a line.
class Process {
 public:
  /// Throws Failure where the program cannot be started.
  explicit Process(const Command& command);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  /// Ends its input and waits.
  ~Process();

  /// Writes a line and reads one. Throws Failure where the program has ended instead.
  std::string ask(const std::string& line);

  /// Ends its input; returns what else it printed. Throws Failure where it fails.
  std::string finish();

 private:
  bool read_some();
  int end_and_wait();

  std::string name_;
  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  std::string unread_;
};

/// Runs a program, returns what it prints. Throws Failure where it fails.
std::string run(const Command& command);

/// The program that runs here, for children of its own kind.
std::string this_program();

/// The most that this process has had resident since it was started, in bytes. (What getrusage
/// tells counts the parent of a child, too.)
double peak_memory();

}  // namespace oft::bench
