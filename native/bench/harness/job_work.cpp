// The merge of a checkpoint from file to file, always into a new one: 40 Linear layers of 2048 x
// 2048 in one float16 file of 336 MB, in blocks of 32; and Stable Diffusion 1.5's UNet, 1.7 GB.

#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "child.h"
#include "job.h"
#include "process.h"
#include "session.h"
#include "unet.h"
#include "work.h"

namespace oft::bench {
namespace {

struct Linears {
  int layers;
  std::int64_t features;
  std::int64_t block_size;
};

constexpr Linears kLinears = {40, 2048, 32};
constexpr Linears kTinyLinears = {2, 64, 16};
constexpr UNetWidths kTinyUNet = {{16, 24, 32, 32}, 16};

class JobWork {
 public:
  /// `job` has its inputs; `blocks` says how large their blocks are.
  JobWork(Session& session, Job job, const std::string& blocks)
      : session_(session), job_(std::move(job)) {
    const auto megabytes = static_cast<double>(std::filesystem::file_size(job_.base)) / 1e6;
    label_ = std::to_string(std::lround(megabytes)) + " MB fp16, " + blocks;
    std::filesystem::remove(job_.target);  // of an earlier work
    job_.merge(/*sync=*/false);
    job_.check();
  }

  void run() {
    in_process();
    synced();
    memory();
    if (session_.settings().oft.empty()) {
      session_.leave_out("the process `oft merge`, and Java", "no command --oft was given");
    } else {
      whole_process();
      java();
    }
  }

 private:
  Contender merge(const char* name, Role role, bool sync) const {
    return job_.fresh(name, role, [this, sync] { job_.merge(sync); });
  }

  void in_process() {
    std::vector<Contender> contenders = {merge("oft", Role::kOurs, false),
                                         job_.fresh("cp", Role::kBound, [this] {
                                           bench::run({"cp", job_.base, job_.target});
                                         })};
    Peer* peft = session_.peft();
    if (peft != nullptr) {
      peft->make("job", job_.request());
      peft->contender("PEFT OFT", "job").seconds(1);
      job_.check();
      contenders.push_back(peft->contender("PEFT OFT", "job"));
    }
    session_.measure(label_, contenders);
    if (peft != nullptr) peft->drop("job");
  }

  void synced() {
    session_.measure(label_ + ", on the disk", {merge("oft", Role::kOurs, true),
                                                job_.fresh("cp and sync", Role::kBound, [this] {
                                                  bench::run({"cp", job_.base, job_.target});
                                                  bench::run({"sync", job_.target});
                                                })});
  }

  void memory() {
    std::filesystem::remove(job_.target);
    std::vector<Series> series = {{"oft", Role::kOurs, {std::stod(bench::run(merge_child(job_)))}}};
    if (session_.peft() != nullptr) {
      Peer peer(session_.peft_command());
      peer.make("job", job_.request());
      peer.contender("", "job").seconds(1);
      series.push_back({"PEFT OFT", Role::kPeer, {peer.memory()}});
    }
    session_.add(label_ + ", peak memory", "B", series);
  }

  void whole_process() {
    const std::string& oft = session_.settings().oft;
    const Measurement measured = session_.measure(
        label_ + ", whole process",
        {job_.fresh("oft", Role::kOurs,
                    [&] {
                      bench::run({oft, "merge", job_.base, job_.adapter, job_.target, "--json"});
                    }),
         merge("in-process", Role::kBound, true)});
    std::vector<double> more = measured.series[0].values;
    for (std::size_t i = 0; i < more.size(); ++i) more[i] -= measured.series[1].values[i];
    session_.add(label_ + ", whole process less in-process", "s", {{"oft", Role::kOurs, more}});
  }

  void java() {
    Peer java({session_.settings().oft, "bench-peer"});
    java.make("job", job_.request());
    session_.measure(label_ + ", in Java", {java.contender("oft4j", "job", Role::kOurs),
                                            merge("C++", Role::kBound, true)});
    job_.check();
  }

  Session& session_;
  Job job_;
  std::string label_;
};

}  // namespace

void job_work(Session& session) {
  const Linears& linears = session.tiny() ? kTinyLinears : kLinears;
  const Job job = Job::in(session.workspace());
  write_linears_in_child(job, linears.layers, linears.features, linears.block_size);
  JobWork(session, job, "b " + std::to_string(linears.block_size)).run();
}

void unet_work(Session& session) {
  const Job job = Job::in(session.workspace());
  write_unet_in_child(job, session.tiny() ? kTinyUNet : UNetWidths());
  JobWork(session, job, "r 8").run();
}

}  // namespace oft::bench
