// Measures liboft beside what bounds it and beside PEFT; native/bench/README.md says what each
// number stands for. Prints one JSON document, and its progress on stderr.

#include <ATen/Context.h>
#include <signal.h>

#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "child.h"
#include "failure.h"
#include "session.h"
#include "settings.h"
#include "work.h"
#include "workspace.h"

namespace oft::bench {
namespace {

void compete(const std::vector<std::string>& words) {
  const Settings settings = parse(words);
  const Workspace workspace(settings.folder);
  at::manual_seed(0);
  Session session(settings, workspace.path());
  run_works(session);
  std::cout << session.document().dump(2) << std::endl;
}

int answer(const std::vector<std::string>& words) {
  ::signal(SIGPIPE, SIG_IGN);  // a peer that ends is told by its answers
  try {
    if (!words.empty() && words[0] == kChildVerb) {
      be_child(words);
    } else {
      compete(words);
    }
    return 0;
  } catch (const Failure& failure) {
    std::cerr << "oft bench: " << failure.what() << "\n";
    return static_cast<int>(failure.exit_code());
  } catch (const std::exception& failure) {
    std::cerr << "oft bench: " << failure.what() << "\n";
    return static_cast<int>(ExitCode::kInternal);
  }
}

}  // namespace
}  // namespace oft::bench

int main(int argc, char** argv) { return oft::bench::answer({argv + 1, argv + argc}); }
