#include "measurement.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

namespace oft::bench {
namespace {

// Threads of libtorch's pools spin for a while after their work, ours and those of the peer.
constexpr std::chrono::milliseconds kPause(5);
constexpr double kMostRepeats = 1e5;
constexpr double kLong = 0.5;  // seconds

struct Turn {
  int repeats;
  double seconds;  ///< that a run is expected to take
};

/// Warms up: the first run of anything short is no guide to the next.
Turn prepare(const Contender& contender, double shortest_run) {
  double once = contender.seconds(1);
  if (once < kLong) once = contender.seconds(1);
  const double repeats = std::ceil(shortest_run / std::max(once, 1e-9));
  const Turn turn{static_cast<int>(std::clamp(repeats, 1.0, kMostRepeats)), once};
  if (turn.repeats == 1) return turn;
  return {turn.repeats, contender.seconds(turn.repeats)};
}

}  // namespace

double Series::median() const {
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

double Series::lowest() const { return *std::min_element(values.begin(), values.end()); }

double Series::highest() const { return *std::max_element(values.begin(), values.end()); }

std::vector<Series> measure(const std::vector<Contender>& contenders, const Schedule& schedule) {
  std::vector<Turn> turns;
  std::vector<Series> series;
  double round = 0;
  for (const Contender& contender : contenders) {
    turns.push_back(prepare(contender, schedule.shortest_run));
    round += turns.back().seconds;
    series.push_back({contender.name, contender.role, {}});
  }
  const int affordable = static_cast<int>(std::min(schedule.budget / std::max(round, 1e-9), 1e6));
  const int runs = std::min(schedule.runs, std::max(affordable, schedule.least_runs));
  for (int run = 0; run < runs; ++run)
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      std::this_thread::sleep_for(kPause);
      series[i].values.push_back(contenders[i].seconds(turns[i].repeats) / turns[i].repeats);
    }
  return series;
}

}  // namespace oft::bench
