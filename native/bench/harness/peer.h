#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "contender.h"
#include "process.h"
#include "tensor_file.h"

namespace oft::bench {

using Json = nlohmann::json;

/// Another implementation in a process of its own, native/bench/README.md says how it is
/// spoken to.
class Peer {
 public:
  /// Starts it. Throws Failure with its own reason where it cannot work.
  explicit Peer(const Command& command);

  /// What it says of itself: versions and the like.
  const Json& about() const { return about_; }

  /// Gives it a piece of work, of which `request` says more, under a name of its own.
  void make(const std::string& name, Json request);
  /// The results of a piece of work, by name, passed through a file.
  Tensors result(const std::string& name, const std::filesystem::path& file);
  void drop(const std::string& name);
  /// The most that its process has had resident, in bytes.
  double memory();

  /// Lets it do a piece of work that it was given. The peer has to outlive the contender.
  Contender contender(const std::string& label, const std::string& name, Role role = Role::kPeer);

 private:
  Json ask(const Json& request);

  Process process_;
  Json about_;
};

}  // namespace oft::bench
