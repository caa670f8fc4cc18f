// A step of training: forward, loss, backward, AdamW, and what memory a process needs for it.

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "agreement.h"
#include "child.h"
#include "encoder.h"
#include "reference.h"
#include "session.h"
#include "work.h"

namespace oft::bench {
namespace {

// Losses of equal starts part slowly: each step's rounding is the next one's start.
constexpr double kRoundings = 100;

Json step_request(const Encoder& encoder, const std::string& method, const RotationSpec& spec) {
  Json request = encoder.request("step", method, spec);
  request["learning_rate"] = kLearningRate;
  return request;
}

/// The memory of a peer that does nothing but the first steps.
double peer_memory(Session& session, const Json& request) {
  Peer peer(session.peft_command());
  peer.make("step", request);
  peer.result("step", session.workspace() / "result.pt");
  return peer.memory();
}

void memory_case(Session& session, const Encoder& encoder, const RotationSpec& spec, bool peft,
                 const std::string& label) {
  std::vector<Series> series = {{"oft", Role::kOurs, {step_memory_of_child(encoder, spec)}}};
  if (peft) {
    for (const auto& [name, method] : {std::pair("PEFT OFT", "oft"), {"PEFT LoRA r 8", "lora"}})
      series.push_back(
          {name, Role::kPeer, {peer_memory(session, step_request(encoder, method, spec))}});
  }
  session.add(label + ", peak memory", "B", series);
}

void step_case(Session& session, const Encoder& encoder, const RotationSpec& spec) {
  const std::string label =
      std::string(session.tiny() ? "tiny" : "MiniLM step 16×64, b 32") + ", " + formula_label(spec);
  Peer* peft = encoder.checkpoint.empty() ? nullptr : session.peft();
  const at::Tensor losses = LiveEncoder(encoder, spec).losses();
  LiveEncoder ours(encoder, spec);
  LiveEncoder base(encoder);
  std::vector<Contender> contenders = {
      local("oft", Role::kOurs, [&] { ours.step(); }),
      // The gradients of the frozen layers' inputs take as many multiply-adds as their outputs.
      local("two forwards", Role::kBound, [&] { base.forward("batch"), base.forward("batch"); })};
  if (peft != nullptr) {
    for (const char* method : {"oft", "lora"})
      peft->make(method, step_request(encoder, method, spec));
    const Tensors result = peft->result("oft", session.workspace() / "result.pt");
    require_agreement(label, losses, "PEFT", result.at("losses"), kRoundings);
    contenders.push_back(peft->contender("PEFT OFT", "oft"));
    contenders.push_back(peft->contender("PEFT LoRA r 8", "lora"));
  }
  session.measure(label, contenders);
  if (peft != nullptr)
    for (const char* method : {"oft", "lora"}) peft->drop(method);
  memory_case(session, encoder, spec, peft != nullptr, label);
}

}  // namespace

void train_work(Session& session) {
  const auto encoder = Encoder::prepare(session);
  if (!encoder) return;
  for (const RotationSpec& spec : {kExact, kNeumann}) step_case(session, *encoder, spec);
}

}  // namespace oft::bench
