#include "session.h"

#include <ATen/Parallel.h>

#include <cstdio>
#include <utility>

#include "failure.h"
#include "machine.h"

namespace oft::bench {
namespace {

const char* role_name(Role role) {
  switch (role) {
    case Role::kOurs:
      return "ours";
    case Role::kPeer:
      return "peer";
    case Role::kBound:
      return "bound";
  }
  return "";
}

nlohmann::json document_of(const Measurement& measurement) {
  nlohmann::json contenders = nlohmann::json::array();
  const double ours = measurement.series.front().median();
  for (const Series& series : measurement.series) {
    nlohmann::json contender = {{"name", series.name},         {"role", role_name(series.role)},
                                {"median", series.median()},   {"lowest", series.lowest()},
                                {"highest", series.highest()}, {"values", series.values}};
    if (&series != &measurement.series.front()) contender["ratio"] = ours / series.median();
    contenders.push_back(std::move(contender));
  }
  return {{"work", measurement.work},
          {"case", measurement.name},
          {"unit", measurement.unit},
          {"contenders", std::move(contenders)}};
}

void tell(const Measurement& measurement) {
  const bool time = measurement.unit == "s";
  std::fprintf(stderr, "oft bench: %s: %s:", measurement.work.c_str(), measurement.name.c_str());
  for (const Series& series : measurement.series)
    std::fprintf(stderr, "%s %s %.4g %s", &series == &measurement.series.front() ? "" : ",",
                 series.name.c_str(), series.median() * (time ? 1e3 : 1e-6), time ? "ms" : "MB");
  std::fprintf(stderr, "\n");
}

}  // namespace

Session::Session(const Settings& settings, std::filesystem::path workspace)
    : settings_(settings), workspace_(std::move(workspace)), machine_(describe_machine()) {
  if (!settings.peer.empty()) try {
      peft_.emplace(peft_command());
    } catch (const Failure& failure) {
      throw Failure(failure.exit_code(), "the peer " + settings.peer + ": " + failure.what());
    }
  if (settings.runs) schedule_.runs = *settings.runs;
  if (settings.tiny) schedule_ = {.runs = 1, .shortest_run = 0, .least_runs = 1};
}

Command Session::peft_command() const {
  return {settings_.peer, OFT_BENCH_PEERS "/peft_peer.py", std::to_string(at::get_num_threads())};
}

void Session::begin(const std::string& work) { work_ = work; }

const Measurement& Session::measure(const std::string& name,
                                    const std::vector<Contender>& contenders) {
  return add(name, "s", bench::measure(contenders, schedule_));
}

const Measurement& Session::add(const std::string& name, const std::string& unit,
                                std::vector<Series> series) {
  measurements_.push_back({work_, name, unit, std::move(series)});
  tell(measurements_.back());
  return measurements_.back();
}

void Session::leave_out(const std::string& what, const std::string& why) {
  left_out_.push_back(work_ + ": " + what + ": " + why);
  std::fprintf(stderr, "oft bench: left out: %s\n", left_out_.back().c_str());
}

nlohmann::json Session::document() const {
  nlohmann::json measurements = nlohmann::json::array();
  for (const Measurement& measurement : measurements_)
    measurements.push_back(document_of(measurement));
  return {{"format", "oft-bench-1"},
          {"machine", machine_},
          {"peer", peft_ ? peft_->about() : nlohmann::json(nullptr)},
          {"tiny", settings_.tiny},
          {"runs", schedule_.runs},
          {"left_out", left_out_},
          {"measurements", std::move(measurements)}};
}

}  // namespace oft::bench
