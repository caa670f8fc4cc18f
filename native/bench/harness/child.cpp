#include "child.h"

#include <iostream>
#include <map>

#include "failure.h"
#include "oft/build_info.hpp"
#include "reference.h"

namespace oft::bench {
namespace {

using Words = std::vector<std::string>;

Command child(Words words) {
  words.insert(words.begin(), {this_program(), kChildVerb});
  return words;
}

void version(const Words&) { std::cout << build_info() << "\n"; }

void merge(const Words& words) {
  Job{words.at(0), words.at(1), words.at(2)}.merge(/*sync=*/true);
  std::cout << static_cast<std::int64_t>(peak_memory()) << "\n";
}

void linears(const Words& words) {
  Job{words.at(0), words.at(1), {}}.write_inputs(
      linear_tensors(std::stoi(words.at(2)), std::stoll(words.at(3))),
      linear_config(std::stoll(words.at(4))));
}

void unet(const Words& words) {
  UNetWidths widths{.context = std::stoll(words.at(2))};
  for (std::size_t i = 0; i < widths.channels.size(); ++i)
    widths.channels[i] = std::stoll(words.at(3 + i));
  Job{words.at(0), words.at(1), {}}.write_inputs(unet_tensors(widths), unet_config());
}

void steps(const Words& words) {
  const Encoder encoder = {words.at(0), {}, words.at(1), {}};
  LiveEncoder(encoder, words.at(2) == formula_label(kExact) ? kExact : kNeumann).losses();
  std::cout << static_cast<std::int64_t>(peak_memory()) << "\n";
}

}  // namespace

void be_child(const Words& words) {
  static const std::map<std::string, void (*)(const Words&)> verbs = {{"version", version},
                                                                      {"merge", merge},
                                                                      {"linears", linears},
                                                                      {"unet", unet},
                                                                      {"steps", steps}};
  const auto verb = words.size() < 2 ? verbs.end() : verbs.find(words[1]);
  if (verb == verbs.end()) throw Failure(ExitCode::kUsage, "a child needs a verb");
  verb->second({words.begin() + 2, words.end()});
}

Command version_child() { return child({"version"}); }

Command merge_child(const Job& job) { return child({"merge", job.base, job.adapter, job.target}); }

void write_linears_in_child(const Job& job, int layers, std::int64_t features,
                            std::int64_t block_size) {
  run(child({"linears", job.base, job.adapter, std::to_string(layers), std::to_string(features),
             std::to_string(block_size)}));
}

void write_unet_in_child(const Job& job, const UNetWidths& widths) {
  Words words = {"unet", job.base, job.adapter, std::to_string(widths.context)};
  for (const std::int64_t channels : widths.channels) words.push_back(std::to_string(channels));
  run(child(std::move(words)));
}

double step_memory_of_child(const Encoder& encoder, const RotationSpec& spec) {
  return std::stod(run(child({"steps", encoder.script, encoder.workspace, formula_label(spec)})));
}

}  // namespace oft::bench
