#pragma once

#include <stdexcept>
#include <string>

namespace oft::bench {

/// As the command line has them.
enum class ExitCode {
  kDone = 0,
  kCheckFailed = 1,  ///< two sides that must agree do not
  kUsage = 2,
  kBadInput = 3,
  kIo = 4,
  kInternal = 5,
  kInterrupted = 130,
};

/// Ends the program with a message and an exit code.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode exit_code, const std::string& message)
      : std::runtime_error(message), exit_code_(exit_code) {}
  ExitCode exit_code() const { return exit_code_; }

 private:
  ExitCode exit_code_;
};

}  // namespace oft::bench
