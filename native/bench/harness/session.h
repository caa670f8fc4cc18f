#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "measurement.h"
#include "peer.h"
#include "settings.h"

namespace oft::bench {

/// What the works share, and where their results go.
class Session {
 public:
  /// Starts the peer. Throws Failure where it cannot work.
  Session(const Settings& settings, std::filesystem::path workspace);

  const Settings& settings() const { return settings_; }
  bool tiny() const { return settings_.tiny; }
  const std::filesystem::path& workspace() const { return workspace_; }
  Peer* peft() { return peft_ ? &*peft_ : nullptr; }  ///< null where there is none
  Command peft_command() const;                       ///< for another one

  /// The work whose cases follow.
  void begin(const std::string& work);
  /// Times the contenders of a case.
  const Measurement& measure(const std::string& name, const std::vector<Contender>& contenders);
  /// Takes values that were found otherwise.
  const Measurement& add(const std::string& name, const std::string& unit,
                         std::vector<Series> series);
  /// Tells what this run cannot measure, and why.
  void leave_out(const std::string& what, const std::string& why);

  /// The document that the program prints.
  nlohmann::json document() const;

 private:
  const Settings& settings_;
  std::filesystem::path workspace_;
  std::optional<Peer> peft_;
  Schedule schedule_;
  nlohmann::json machine_;
  std::string work_;
  std::vector<Measurement> measurements_;
  std::vector<std::string> left_out_;
};

}  // namespace oft::bench
