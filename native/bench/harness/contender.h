#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>

namespace oft::bench {

/// What a contender is to the work.
enum class Role {
  kOurs,   ///< what is judged
  kPeer,   ///< another implementation of it
  kBound,  ///< what cannot be beaten, or can be by leaving the adapter out
};

/// Somebody who does a piece of work, so many times on end.
struct Contender {
  std::string name;
  Role role;
  std::function<double(int repeats)> seconds;  ///< of all repeats
};

inline double seconds_of(const std::function<void()>& work, int repeats = 1) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (int i = 0; i < repeats; ++i) work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// One that works in this process.
inline Contender local(std::string name, Role role, std::function<void()> work) {
  return {std::move(name), role,
          [work = std::move(work)](int repeats) { return seconds_of(work, repeats); }};
}

}  // namespace oft::bench
