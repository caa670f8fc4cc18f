#include "machine.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "bound.h"
#include "oft/build_info.hpp"

namespace oft::bench {
namespace {

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

/// The line of libtorch's own description that names a library; its bullet is left out.
std::string library(const std::string& word) {
  std::istringstream lines(at::show_config());
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("  - ") && line.find(word) != std::string::npos) return line.substr(4);
  return "none";
}

}  // namespace

nlohmann::json describe_machine() {
  return {{"oft", nlohmann::json::parse(oft::build_info())},
          {"processor", processor()},
          {"cores", std::thread::hardware_concurrency()},
          {"threads", at::get_num_threads()},
          {"blas", library("Math Kernel Library Version")},
          {"onednn", library("MKL-DNN")},
          {"multiply_adds_per_second", multiply_adds_per_second()},
          {"bytes_copied_per_second", bytes_copied_per_second()}};
}

}  // namespace oft::bench
