// One layer's weight, W' = W R^T, and back by the inverse: both compute R anew, as PEFT does, and
// write over the weight, as PEFT's merge does.

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>

#include <optional>
#include <string>
#include <vector>

#include "agreement.h"
#include "bound.h"
#include "oft/merge.hpp"
#include "reference.h"
#include "session.h"
#include "work.h"

namespace oft::bench {
namespace {

struct Layer {
  const char* name;
  std::int64_t rows;
  std::int64_t features;
  std::int64_t block_size;
  at::ScalarType dtype = at::kFloat;
  bool unmerges = false;
};

const std::vector<Layer> kLayers = {
    {"Llama-3-8B q", 4096, 4096, 32, at::kFloat, true},
    {"Llama-3-8B q", 4096, 4096, 32, at::kBFloat16, true},
    {"Llama-3-8B q", 4096, 4096, 64},
    {"Llama-3-8B q", 4096, 4096, 128},
    {"Llama-3-8B q, r 8", 4096, 4096, 512},
    {"Llama-3-8B k", 1024, 4096, 32, at::kBFloat16},
    {"Llama-3-8B up", 14336, 4096, 32, at::kBFloat16},
    {"Llama-3-8B down", 4096, 14336, 32, at::kBFloat16},
    {"SD 1.5 UNet", 320, 320, 32},
    {"SD 1.5 UNet", 640, 640, 64},
    {"SD 1.5 UNet", 1280, 1280, 128},
    {"SD 1.5 UNet, r 8", 1280, 1280, 160, at::kFloat, true},
    {"CLIP text", 768, 768, 32, at::kFloat, true},
    {"CLIP text, r 8", 768, 768, 96},
};
const std::vector<Layer> kTinyLayers = {{"tiny", 48, 64, 16, at::kFloat, true},
                                        {"tiny", 48, 64, 16, at::kBFloat16, true}};

/// A product with PEFT's dense matrix of this many multiply-adds takes seconds.
constexpr double kMostPeerMultiplyAdds = 1e11;

bool is_short(at::ScalarType dtype) { return dtype == at::kBFloat16 || dtype == at::kHalf; }

std::string label(const Layer& layer) {
  return std::string(layer.name) + " " + std::to_string(layer.rows) + "×" +
         std::to_string(layer.features) + ", b " + std::to_string(layer.block_size) + ", " +
         (is_short(layer.dtype) ? "bf16" : "fp32");
}

/// Merging or unmerging one layer, by everybody.
class Case {
 public:
  Case(Session& session, const Layer& layer, bool forth)
      : session_(session),
        layer_(layer),
        label_((forth ? "" : "unmerge ") + label(layer)),
        forth_(forth),
        weight_((at::randn({layer.rows, layer.features}) * 0.02).to(layer.dtype)),
        q_(sample_parameters(layer.features / layer.block_size, layer.block_size)),
        rotations_{Rotation(q_, layer.features, kExact)} {}

  void run() {
    const at::Tensor r = reference_rotation(q_, layer_.block_size, kExact);
    // An exact R is orthogonal: the inverse is the transpose of a transpose.
    const at::Tensor factor = forth_ ? r.transpose(1, 2) : r;
    const at::Tensor ours = weight_.clone();
    rotate_in_place(ours);
    const at::Tensor expected = reference_rotate(weight_, factor);
    require_agreement(label_, ours, "the formula", expected, roundings());
    require_agreement(label_, rotate(), "the formula", expected, roundings());

    const at::Tensor used = weight_.clone();
    std::vector<Contender> contenders = {
        local("oft", Role::kOurs, [&] { rotate_in_place(used); }),
        local("oft, new tensor", Role::kOurs, [this] { rotate(); })};
    const auto elements = static_cast<double>(weight_.numel());
    if (auto peak = multiply_add_bound(elements * static_cast<double>(layer_.block_size)))
      contenders.push_back(*peak);
    contenders.push_back(copy_bound(weight_.nbytes()));
    Peer* peft = peer();
    if (peft != nullptr) contenders.push_back(theirs(*peft, ours));
    session_.measure(label_, contenders);
    if (peft != nullptr) peft->drop("layer");
  }

 private:
  at::Tensor rotate() const {
    return forth_ ? merge_weight(weight_, LayerKind::kLinear, rotations_)
                  : unmerge_weight(weight_, LayerKind::kLinear, rotations_);
  }

  void rotate_in_place(const at::Tensor& weight) const {
    forth_ ? merge_weight_(weight, LayerKind::kLinear, rotations_)
           : unmerge_weight_(weight, LayerKind::kLinear, rotations_);
  }

  double roundings() const { return is_short(layer_.dtype) ? 2 : 64; }

  Peer* peer() {
    if (session_.peft() == nullptr) return nullptr;
    const auto features = static_cast<double>(layer_.features);
    if (features * features * static_cast<double>(layer_.rows) <= kMostPeerMultiplyAdds)
      return session_.peft();
    session_.leave_out("PEFT, " + label_,
                       "its dense " + std::to_string(layer_.features) + "² matrix takes too long");
    return nullptr;
  }

  Contender theirs(Peer& peft, const at::Tensor& ours) const {
    const auto file = session_.workspace() / "layer.pt";
    write_tensors(file, {{"weight", weight_}, {"q", q_}});
    peft.make("layer", {{"work", forth_ ? "merge" : "unmerge"},
                        {"file", file.string()},
                        {"block_size", layer_.block_size}});
    const Tensors result = peft.result("layer", session_.workspace() / "result.pt");
    require_agreement(label_, ours, "PEFT", result.at("weight"), roundings());
    return peft.contender("PEFT OFT", "layer");
  }

  Session& session_;
  const Layer& layer_;
  std::string label_;
  bool forth_;
  at::Tensor weight_;
  at::Tensor q_;
  std::vector<Rotation> rotations_;
};

}  // namespace

void merge_work(Session& session) {
  const at::NoGradGuard no_grad;
  for (const Layer& layer : session.tiny() ? kTinyLayers : kLayers) {
    Case(session, layer, true).run();
    if (layer.unmerges) Case(session, layer, false).run();
  }
}

}  // namespace oft::bench
