#include "encoder.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/tensor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <utility>

#include "reference.h"

namespace oft::bench {
namespace {

namespace fs = std::filesystem;

/// What a run of an encoder is made of.
struct Shape {
  std::int64_t block_size;
  std::int64_t vocabulary;
  std::int64_t texts;
  std::int64_t tokens;
  std::int64_t single_tokens;
};

constexpr Shape kMiniLm = {32, 30522, 16, 64, 16};
constexpr Shape kTiny = {8, 30, 2, 7, 3};

bool takes_mask(const torch::jit::Module& script) {
  return script.get_method("forward").function().getSchema().arguments().size() > 2;
}

void write_inputs(const Encoder& encoder, const Shape& shape) {
  const at::NoGradGuard no_grad;
  torch::jit::Module script = torch::jit::load(encoder.script);
  script.eval();
  Tensors data = {
      {"batch_ids", at::randint(1, shape.vocabulary, {shape.texts, shape.tokens}, at::kLong)},
      {"single_ids", at::randint(1, shape.vocabulary, {1, shape.single_tokens}, at::kLong)}};
  std::vector<c10::IValue> inputs = {data["batch_ids"]};
  if (takes_mask(script)) {
    for (const std::string batch : {"batch", "single"})
      data[batch + "_mask"] = at::ones_like(data[batch + "_ids"]);
    inputs.emplace_back(data["batch_mask"]);
  }
  data["target"] = at::randn_like(script.forward(inputs).toTensor()) * 0.1;
  write_tensors(encoder.inputs_file(), data);
}

void write_adapter(const Encoder& encoder, const Shape& shape, const RotationSpec& spec) {
  OFTConfig config;
  config.r = 0;
  config.oft_block_size = shape.block_size;
  config.target_modules = encoder.targets;
  config.use_cayley_neumann = spec.formula == Formula::kCayleyNeumann;
  const OFTModel model(script_tree(torch::jit::load(encoder.script)), config);
  const at::NoGradGuard no_grad;
  for (at::Tensor q : model.trainable_parameters()) q.normal_(0, 0.02);
  model.save_pretrained(encoder.adapter(spec));
}

Encoder find(Session& session) {
  if (session.tiny()) return {OFT_BENCH_TINY_MODEL, {}, session.workspace(), {"tokens", "head"}};
  const fs::path folder = session.settings().encoder;
  return {folder / "all-MiniLM-L6-v2.pt",
          folder / "all-MiniLM-L6-v2",
          session.workspace(),
          {"query", "key", "value", "dense"}};
}

}  // namespace

std::optional<Encoder> Encoder::prepare(Session& session) {
  Encoder encoder = find(session);
  if (!fs::exists(encoder.script)) {
    session.leave_out("all-MiniLM-L6-v2",
                      encoder.script.string() +
                          " is not there: native/tests/parity/"
                          "make_real_encoder.py makes it with a Python that has PEFT");
    return std::nullopt;
  }
  const Shape shape = session.tiny() ? kTiny : kMiniLm;
  write_inputs(encoder, shape);
  for (const RotationSpec& spec : {kExact, kNeumann}) write_adapter(encoder, shape, spec);
  return encoder;
}

fs::path Encoder::adapter(const RotationSpec& spec) const {
  return workspace / (spec.formula == Formula::kCayley ? "exact" : "neumann");
}

Json Encoder::request(const std::string& work, const std::string& method,
                      const RotationSpec& spec) const {
  Json request = {{"work", work},
                  {"method", method},
                  {"checkpoint", checkpoint.string()},
                  {"file", inputs_file().string()},
                  {"targets", targets}};
  if (method == "oft") request["adapter"] = adapter(spec).string();
  return request;
}

LiveEncoder::LiveEncoder(const Encoder& encoder)
    : data_(read_tensors(encoder.inputs_file())), script_(torch::jit::load(encoder.script)) {
  script_.eval();
}

LiveEncoder::LiveEncoder(const Encoder& encoder, const RotationSpec& spec) : LiveEncoder(encoder) {
  model_.emplace(OFTModel::from_pretrained(script_tree(script_), encoder.adapter(spec), "default",
                                           {.is_trainable = true}));
  optimizer_ = std::make_unique<torch::optim::AdamW>(model_->trainable_parameters(),
                                                     torch::optim::AdamWOptions(kLearningRate));
}

std::vector<c10::IValue> LiveEncoder::inputs(const std::string& batch) const {
  std::vector<c10::IValue> inputs = {data_.at(batch + "_ids")};
  const auto mask = data_.find(batch + "_mask");
  if (mask != data_.end()) inputs.emplace_back(mask->second);
  return inputs;
}

at::Tensor LiveEncoder::forward(const std::string& batch) {
  const at::NoGradGuard no_grad;
  if (!model_) return script_.forward(inputs(batch)).toTensor();
  model_->train(false);
  return model_->activate().forward(inputs(batch)).toTensor();
}

at::Tensor LiveEncoder::merged_forward(const std::string& batch) {
  model_->merge_adapter();
  return forward(batch);
}

double LiveEncoder::step() {
  model_->train();
  optimizer_->zero_grad();
  const at::Tensor output = model_->activate().forward(inputs("batch")).toTensor();
  const at::Tensor loss = at::mse_loss(output, data_.at("target"));
  loss.backward();
  optimizer_->step();
  return loss.item<double>();
}

at::Tensor LiveEncoder::losses() {
  std::vector<double> losses;
  for (int i = 0; i < kCheckedSteps; ++i) losses.push_back(step());
  return at::tensor(losses, at::kFloat);
}

}  // namespace oft::bench
