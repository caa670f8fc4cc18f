// The merge job from end to end: 40 Linear layers of 2048 x 2048 in one float16 file of 336 MB,
// rotated in blocks of 32, beside `cp` of the same file and, where a Python with PEFT is named,
// PEFT's load, merge_and_unload and save. The contenders take turns; medians are compared.

#include <ATen/core/Tensor.h>
#include <ATen/ops/randn.h>
#include <getopt.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "job.h"
#include "oft/adapter_file.hpp"
#include "oft/build_info.hpp"
#include "oft/checkpoint_merge.hpp"
#include "oft/safetensors.hpp"

namespace {

namespace fs = std::filesystem;
using namespace oft::bench;

struct Settings {
  int layers = 40;
  std::int64_t features = 2048;
  std::int64_t block_size = 32;
  int runs = 7;
  std::string python;
  std::string peer;
  fs::path folder = fs::temp_directory_path();
};

[[noreturn]] void usage(const char* program) {
  std::cerr
      << "usage: " << program
      << " [--layers N] [--features N] [--block-size N] [--runs N] [--folder DIR]\n"
         "       [--python PYTHON --peer SCRIPT]   PEFT's side, native/bench/peft_merge_job.py\n";
  std::exit(2);
}

Settings parse(int argc, char** argv) {
  const option options[] = {{"layers", required_argument, nullptr, 'l'},
                            {"features", required_argument, nullptr, 'd'},
                            {"block-size", required_argument, nullptr, 'b'},
                            {"runs", required_argument, nullptr, 'n'},
                            {"folder", required_argument, nullptr, 'f'},
                            {"python", required_argument, nullptr, 'p'},
                            {"peer", required_argument, nullptr, 's'},
                            {nullptr, 0, nullptr, 0}};
  Settings settings;
  for (int flag; (flag = getopt_long(argc, argv, "", options, nullptr)) != -1;) {
    switch (flag) {
      case 'l':
        settings.layers = std::atoi(optarg);
        break;
      case 'd':
        settings.features = std::atoll(optarg);
        break;
      case 'b':
        settings.block_size = std::atoll(optarg);
        break;
      case 'n':
        settings.runs = std::atoi(optarg);
        break;
      case 'f':
        settings.folder = optarg;
        break;
      case 'p':
        settings.python = optarg;
        break;
      case 's':
        settings.peer = optarg;
        break;
      default:
        usage(argv[0]);
    }
  }
  if (optind != argc || settings.layers < 1 || settings.features < 1 || settings.runs < 1 ||
      settings.block_size < 1 || settings.python.empty() != settings.peer.empty())
    usage(argv[0]);
  return settings;
}

void make_inputs(const Settings& settings, const fs::path& base, const fs::path& adapter) {
  std::vector<oft::SafetensorsEntry> entries;
  for (int i = 0; i < settings.layers; ++i)
    entries.push_back({.name = "layers." + std::to_string(i) + ".weight",
                       .dtype = oft::SafetensorsDType::kF16,
                       .shape = {settings.features, settings.features}});
  oft::SafetensorsWriter writer(base, std::move(entries), {{"format", "pt"}});
  oft::AdapterFile file(oft::OFTConfig::from_json(R"({"oft_block_size": )" +
                                                      std::to_string(settings.block_size) +
                                                      R"(, "target_modules": "layers\\.\\d+"})",
                                                  oft::ConfigSource::kUser));
  for (int i = 0; i < settings.layers; ++i) {
    const at::Tensor weight =
        at::randn({settings.features, settings.features}).mul(0.02).to(at::kHalf);
    writer.write(static_cast<std::size_t>(i), 0, weight.const_data_ptr(), weight.nbytes());
    file.put("layers." + std::to_string(i), false,
             at::randn({settings.features / settings.block_size,
                        settings.block_size * (settings.block_size - 1) / 2})
                 .mul(0.01));
  }
  writer.commit();
  file.save(adapter);
}

void print(const Row& row, double unit) {
  const auto [low, high] = std::minmax_element(row.times.begin(), row.times.end());
  std::printf("%-34s %8.3f s   %8.3f ... %.3f   %7.2f x cp\n", row.name.c_str(), row.median(), *low,
              *high, row.median() / unit);
}

}  // namespace

int main(int argc, char** argv) {
  const Settings settings = parse(argc, argv);
  const Workspace workspace(settings.folder);
  const fs::path base = workspace.path / "base.safetensors";
  const fs::path adapter = workspace.path / "adapter";
  const fs::path target = workspace.path / "out.safetensors";
  std::cout << oft::build_info() << "\n";
  if (const pid_t child = ::fork(); child == 0) {  // its memory is not the merge's
    make_inputs(settings, base, adapter);
    std::_Exit(0);
  } else {
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) < 0 || status != 0) return 1;
  }
  const double before = peak_megabytes();

  const auto merge = [&](bool sync) {
    oft::CheckpointMerge(base).adapter(adapter).options({.sync = sync}).write_to(target);
  };
  const auto fresh = [&](const std::function<void()>& work) {
    fs::remove(target);
    return seconds(work);
  };
  Row copy{"cp", {}};
  Row copy_sync{"cp, then sync of the file", {}};
  Row ours{"oft merge, no fsync", {}};
  Row ours_sync{"oft merge", {}};
  Row peft{"PEFT", {}};
  double peft_megabytes = 0;
  for (int i = -1; i < settings.runs; ++i) {  // the first round warms up
    const double times[] = {
        fresh([&] {
          run({"cp", base, target});
        }),
        fresh([&] {
          run({"cp", base, target}), run({"sync", target});
        }),
        fresh([&] { merge(false); }),
        fresh([&] { merge(true); }),
    };
    if (i < 0) continue;
    copy.times.push_back(times[0]);
    copy_sync.times.push_back(times[1]);
    ours.times.push_back(times[2]);
    ours_sync.times.push_back(times[3]);
    if (settings.python.empty()) continue;
    fs::remove(target);
    std::istringstream answer(run({settings.python, settings.peer, base, adapter, target}));
    double time = 0;
    answer >> time >> peft_megabytes;
    peft.times.push_back(time);
  }

  std::printf("\n%d Linear of %lld x %lld float16, %.0f MB, blocks of %lld, %d rounds\n\n",
              settings.layers, static_cast<long long>(settings.features),
              static_cast<long long>(settings.features),
              static_cast<double>(fs::file_size(base)) / 1e6,
              static_cast<long long>(settings.block_size), settings.runs);
  std::printf("%-34s %10s   %s\n", "", "median", "lowest ... highest");
  for (const Row* row : {&copy, &copy_sync, &ours, &ours_sync}) print(*row, copy.median());
  if (!peft.times.empty()) print(peft, copy.median());
  std::printf("\npeak resident memory: %.0f MB, of which %.0f MB before the first merge",
              peak_megabytes(), before);
  if (!peft.times.empty()) std::printf("; PEFT %.0f MB", peft_megabytes);
  std::printf("\n");
}
