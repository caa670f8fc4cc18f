#pragma once

#include <algorithm>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "oft/error.hpp"

namespace oft {

/// Turns at a network that only one user can have set up at a time: many threads may be in for the
/// same user, others wait. First come, first served, so nobody waits for ever.
class NnTurns {
 public:
  /// Waits for the turn of `user`; calls `set_up` where no thread is in for it yet. What that
  /// throws leaves nothing behind. Throws Error(kInvalidState) where this thread is in for another.
  template <typename SetUp>
  void enter(const void* user, SetUp set_up) {
    std::unique_lock lock(mutex_);
    const bool inside = std::ranges::find(threads_, std::this_thread::get_id()) != threads_.end();
    if (inside && user_ != user)
      throw Error(Status::kInvalidState,
                  "this thread runs the network with other adapters already; end that first");
    if (!inside) wait_for_turn(lock, user);
    if (threads_.empty()) {
      set_up();
      user_ = user;
    }
    threads_.push_back(std::this_thread::get_id());
  }

  /// Ends an `enter`; calls `tear_down` where it was the last.
  template <typename TearDown>
  void leave(TearDown tear_down) noexcept {
    const std::lock_guard lock(mutex_);
    const auto own = std::ranges::find(threads_, std::this_thread::get_id());
    threads_.erase(own != threads_.end() ? own : threads_.begin());
    if (!threads_.empty()) return;
    tear_down();
    user_ = nullptr;
    changed_.notify_all();
  }

  /// Runs `change` while no thread is in. Errors as of `enter`.
  template <typename Change>
  void run_alone(Change change) {
    const void* nobody_else = &change;
    enter(nobody_else, [] {});
    try {
      change();
    } catch (...) {
      leave([] {});
      throw;
    }
    leave([] {});
  }

 private:
  void wait_for_turn(std::unique_lock<std::mutex>& lock, const void* user) {
    const auto place = queue_.insert(queue_.end(), user);
    changed_.wait(lock, [&] {
      return (threads_.empty() || user_ == user) &&
             std::all_of(queue_.begin(), place, [&](const void* other) { return other == user; });
    });
    queue_.erase(place);
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  const void* user_ = nullptr;
  std::vector<std::thread::id> threads_;  // one entry an `enter`
  std::list<const void*> queue_;
};

}  // namespace oft
