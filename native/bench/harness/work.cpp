#include "work.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "session.h"

namespace oft::bench {
namespace {

constexpr std::array kWorks = {
    Work{"merge", merge_work},     Work{"cayley", cayley_work}, Work{"forward", forward_work},
    Work{"train", train_work},     Work{"job", job_work},       Work{"unet", unet_work, true},
    Work{"startup", startup_work},
};

bool is_wanted(const Work& work, const std::vector<std::string>& names) {
  if (names.empty()) return !work.on_request;
  return std::find(names.begin(), names.end(), work.name) != names.end();
}

}  // namespace

const Work* find_work(const std::string& name) {
  const auto found = std::find_if(kWorks.begin(), kWorks.end(),
                                  [&](const Work& work) { return name == work.name; });
  return found == kWorks.end() ? nullptr : &*found;
}

std::string work_names() {
  std::string names;
  for (const Work& work : kWorks) names += (names.empty() ? "" : ", ") + std::string(work.name);
  return names;
}

void run_works(Session& session) {
  for (const Work& work : kWorks) {
    if (!is_wanted(work, session.settings().works)) continue;
    session.begin(work.name);
    work.run(session);
  }
}

}  // namespace oft::bench
