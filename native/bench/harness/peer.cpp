#include "peer.h"

#include "failure.h"

namespace oft::bench {

Peer::Peer(const Command& command) : process_(command) { about_ = ask({{"do", "hello"}}); }

Json Peer::ask(const Json& request) {
  const Json answer =
      Json::parse(process_.ask(request.dump()), nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object())
    throw Failure(ExitCode::kBadInput, "the peer's answer to " + request.dump() + " is no object");
  if (answer.contains("error"))
    throw Failure(ExitCode::kBadInput, answer["error"].get<std::string>());
  return answer;
}

void Peer::make(const std::string& name, Json request) {
  request["do"] = "make";
  request["name"] = name;
  ask(request);
}

Tensors Peer::result(const std::string& name, const std::filesystem::path& file) {
  ask({{"do", "result"}, {"name", name}, {"file", file.string()}});
  return read_tensors(file);
}

void Peer::drop(const std::string& name) { ask({{"do", "drop"}, {"name", name}}); }

double Peer::memory() { return ask({{"do", "memory"}}).at("bytes").get<double>(); }

Contender Peer::contender(const std::string& label, const std::string& name, Role role) {
  return {label, role, [this, name](int repeats) {
            const Json answer = ask({{"do", "run"}, {"name", name}, {"repeats", repeats}});
            return answer.at("seconds").get<double>();
          }};
}

}  // namespace oft::bench
