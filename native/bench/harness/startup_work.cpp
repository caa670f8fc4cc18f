// What the command line costs where it has next to nothing to do.

#include <filesystem>
#include <string>
#include <vector>

#include "child.h"
#include "job.h"
#include "process.h"
#include "session.h"
#include "work.h"

namespace oft::bench {

void startup_work(Session& session) {
  const std::string& oft = session.settings().oft;
  if (oft.empty()) {
    session.leave_out("all of it", "no command --oft was given");
    return;
  }
  session.measure("version",
                  {local("oft", Role::kOurs,
                         [&] {
                           run({oft, "version"});
                         }),
                   local("a C++ program on libtorch", Role::kBound, [] { run(version_child()); })});

  const auto folder = session.workspace() / "startup";
  std::filesystem::create_directories(folder);
  const Job job = Job::in(folder);
  job.write_inputs(linear_tensors(/*layers=*/2, /*features=*/64), linear_config(/*block_size=*/16));
  const auto merge = [&] { run({oft, "merge", job.base, job.adapter, job.target}); };
  merge();
  job.check();
  std::vector<Contender> contenders = {
      job.fresh("oft", Role::kOurs, merge),
      job.fresh("a C++ program on libtorch", Role::kBound, [&] { run(merge_child(job)); })};
  if (session.peft() != nullptr)
    contenders.push_back(job.fresh("PEFT OFT", Role::kPeer, [&] {
      Peer peer(session.peft_command());
      peer.make("job", job.request());
      peer.contender("", "job").seconds(1);
    }));
  session.measure("merge of a tiny file", contenders);
}

}  // namespace oft::bench
