// The unmerged forward of a request: of one Linear, and of a real encoder. Rotations are those of
// an adapter that does not change, so they are computed once.

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <torch/csrc/jit/api/module.h>

#include <string>
#include <vector>

#include "agreement.h"
#include "encoder.h"
#include "oft/model.hpp"
#include "oft/nn.hpp"
#include "reference.h"
#include "session.h"
#include "work.h"

namespace oft::bench {
namespace {

constexpr double kRoundings = 256;  // sums of 1024 products, in different orders

struct Shape {
  std::int64_t features;
  std::int64_t tokens;
  std::int64_t block_size;
};

const std::vector<Shape> kShapes = {
    {1024, 1, 32}, {1024, 512, 32}, {1024, 1, 128}, {1024, 512, 128}};
const std::vector<Shape> kTinyShapes = {{32, 3, 8}};

/// A scripted model that is one Linear, "fc".
torch::jit::Module one_linear(const at::Tensor& weight, const at::Tensor& bias) {
  torch::jit::Module layer("__torch__.torch.nn.modules.linear.Linear");
  layer.register_parameter("weight", weight, /*is_buffer=*/false);
  layer.register_parameter("bias", bias, /*is_buffer=*/false);
  layer.register_attribute("training", c10::BoolType::get(), false);
  layer.define("def forward(self, x):\n  return torch.linear(x, self.weight, self.bias)\n");
  torch::jit::Module model("__torch__.Model");
  model.register_attribute("training", c10::BoolType::get(), false);
  model.register_module("fc", layer);
  model.define("def forward(self, x):\n  return self.fc.forward(x)\n");
  return model;
}

OFTConfig config_of(const Shape& shape) {
  OFTConfig config;
  config.r = 0;
  config.oft_block_size = shape.block_size;
  config.target_modules = std::vector<std::string>{"fc"};
  return config;
}

class LinearCase {
 public:
  LinearCase(Session& session, const Shape& shape)
      : session_(session),
        weight_(at::randn({shape.features, shape.features}) * 0.02),
        bias_(at::randn({shape.features})),
        x_(at::randn({shape.tokens, shape.features})),
        q_(sample_parameters(shape.features / shape.block_size, shape.block_size)),
        block_size_(shape.block_size),
        label_("d " + std::to_string(shape.features) + ", " + std::to_string(shape.tokens) +
               (shape.tokens == 1 ? " token" : " tokens") + ", b " +
               std::to_string(shape.block_size)),
        script_(one_linear(weight_, bias_)),
        model_(script_tree(script_), config_of(shape)),
        layer_(torch::nn::Linear(torch::nn::LinearOptions(shape.features, shape.features)),
               config_of(shape)) {
    model_.trainable_parameters().at(0).copy_(q_);
    layer_->weight.copy_(weight_);
    layer_->bias.copy_(bias_);
    layer_->oft_R.copy_(q_);
    layer_->eval();
    const at::Tensor r = reference_rotation(q_, block_size_, kExact);
    expected_ = at::linear(reference_rotate(x_, r), weight_.to(at::kDouble), bias_.to(at::kDouble));
  }

  void run() {
    require_agreement(label_, adapted(), "the formula", expected_, kRoundings);
    std::vector<Contender> contenders = {
        local("oft", Role::kOurs, [this] { adapted(); }),
        local("base layer", Role::kBound, [this] { script_.forward({x_}); })};
    if (session_.peft() != nullptr) add_peft(*session_.peft(), contenders);
    session_.measure(label_, contenders);
    if (session_.peft() != nullptr)
      for (const char* name : {"oft", "lora"}) session_.peft()->drop(name);

    const std::string label = "OFTLinear, " + label_;
    require_agreement(label, layer_(x_), "the formula", expected_, kRoundings);
    session_.measure(
        label, {local("oft", Role::kOurs, [this] { layer_(x_); }),
                local("at::linear", Role::kBound, [this] { at::linear(x_, weight_, bias_); })});
  }

 private:
  at::Tensor adapted() { return model_.activate().forward({x_}).toTensor(); }

  void add_peft(Peer& peft, std::vector<Contender>& contenders) const {
    const auto file = session_.workspace() / "linear.pt";
    write_tensors(file, {{"weight", weight_}, {"bias", bias_}, {"x", x_}, {"q", q_}});
    for (const std::string method : {"oft", "lora"})
      peft.make(method, {{"work", "linear"},
                         {"file", file.string()},
                         {"method", method},
                         {"block_size", block_size_}});
    const Tensors result = peft.result("oft", session_.workspace() / "result.pt");
    require_agreement(label_, expected_, "PEFT", result.at("y"), kRoundings);
    contenders.push_back(peft.contender("PEFT OFT", "oft"));
    contenders.push_back(peft.contender("PEFT LoRA r 8", "lora"));
  }

  Session& session_;
  at::Tensor weight_;
  at::Tensor bias_;
  at::Tensor x_;
  at::Tensor q_;
  std::int64_t block_size_;
  std::string label_;
  torch::jit::Module script_;
  OFTModel model_;
  nn::OFTLinear layer_;
  at::Tensor expected_;
};

void encoder_case(Session& session, const Encoder& encoder, const std::string& batch,
                  const std::string& label) {
  LiveEncoder adapted(encoder, kExact);
  LiveEncoder base(encoder);
  const at::Tensor output = adapted.forward(batch);
  require_agreement(label, output, "the merged model",
                    LiveEncoder(encoder, kExact).merged_forward(batch), kRoundings);
  std::vector<Contender> contenders = {
      local("oft", Role::kOurs, [&] { adapted.forward(batch); }),
      local("without adapter", Role::kBound, [&] { base.forward(batch); })};
  Peer* peft = encoder.checkpoint.empty() ? nullptr : session.peft();
  if (peft != nullptr) {
    for (const std::string method : {"oft", "lora", "bare"}) {
      Json request = encoder.request("forward", method, kExact);
      request["batch"] = batch;
      peft->make(method, request);
    }
    const Tensors result = peft->result("oft", session.workspace() / "result.pt");
    require_agreement(label, output, "PEFT", result.at("output"), kRoundings);
    contenders.push_back(peft->contender("PEFT OFT", "oft"));
    contenders.push_back(peft->contender("PEFT LoRA r 8", "lora"));
    contenders.push_back(peft->contender("PyTorch without adapter", "bare"));
  }
  session.measure(label, contenders);
  if (peft != nullptr)
    for (const char* method : {"oft", "lora", "bare"}) peft->drop(method);
}

}  // namespace

void forward_work(Session& session) {
  const at::NoGradGuard no_grad;
  for (const Shape& shape : session.tiny() ? kTinyShapes : kShapes)
    LinearCase(session, shape).run();
  const auto encoder = Encoder::prepare(session);
  if (!encoder) return;
  encoder_case(session, *encoder, "single", session.tiny() ? "tiny, 1×3" : "MiniLM, 1×16 tokens");
  encoder_case(session, *encoder, "batch", session.tiny() ? "tiny, 2×7" : "MiniLM, 16×64 tokens");
}

}  // namespace oft::bench
