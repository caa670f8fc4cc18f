#pragma once

#include <string>
#include <vector>

#include "contender.h"

namespace oft::bench {

/// How often a measurement is repeated.
struct Schedule {
  int runs = 7;                ///< of each contender, where `budget` allows
  double shortest_run = 0.02;  ///< seconds; shorter work is repeated within a run
  double budget = 8;           ///< seconds of a case; spent, no more than `least_runs` are made
  int least_runs = 3;
};

/// The values of one contender in the order they were taken.
struct Series {
  std::string name;
  Role role;
  std::vector<double> values;

  double median() const;
  double lowest() const;
  double highest() const;
};

/// One case of a work: the same for every contender, of which the first is ours.
struct Measurement {
  std::string work;
  std::string name;
  std::string unit;  ///< "s" or "B"
  std::vector<Series> series;
};

/// Times the contenders in turns, after each has warmed up.
std::vector<Series> measure(const std::vector<Contender>& contenders, const Schedule& schedule);

}  // namespace oft::bench
