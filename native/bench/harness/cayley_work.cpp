// Rotations R from parameters, and the gradient of the parameters from that of R.

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <string>
#include <vector>

#include "agreement.h"
#include "bound.h"
#include "oft/functional.hpp"
#include "reference.h"
#include "session.h"
#include "work.h"

namespace oft::bench {
namespace {

struct Shape {
  std::int64_t blocks;
  std::int64_t b;
};

// Linear(4096) in blocks of 32, a batch of layers in blocks of 64, Linear(4096) with r = 8.
const std::vector<Shape> kShapes = {{128, 32}, {128, 64}, {8, 512}};
const std::vector<Shape> kTinyShapes = {{3, 8}};

/// The gradient of q, for G that of R.
at::Tensor gradient(const at::Tensor& r, const at::Tensor& q, const at::Tensor& g) {
  return torch::autograd::grad({r}, {q}, {g.to(r.scalar_type())})[0];
}

class Case {
 public:
  Case(Session& session, const Shape& shape, const RotationSpec& spec)
      : session_(session),
        shape_(shape),
        spec_(spec),
        q_(sample_parameters(shape.blocks, shape.b).requires_grad_()),
        g_(at::randn({shape.blocks, shape.b, shape.b})) {}

  void run() {
    const std::string label = std::string(formula_label(spec_)) + " " +
                              std::to_string(shape_.blocks) + "×" + std::to_string(shape_.b);
    // The exact formula inverts a matrix, the series of five terms multiplies two.
    const double b = static_cast<double>(shape_.b);
    const double products = spec_.formula == Formula::kCayley ? 1 : 2;
    const double work = products * static_cast<double>(shape_.blocks) * b * b * b;
    const at::Tensor r = reference_rotation(q_, shape_.b, spec_);
    // The backward of either formula has two products more.
    compete(label, false, work, r);
    compete(label + ", with backward", true, work + 2 * work / products, gradient(r, q_, g_));
  }

 private:
  at::Tensor ours(bool backward) const {
    const at::AutoGradMode mode(backward);
    const at::Tensor r = functional::cayley(q_, shape_.b, spec_);
    return backward ? gradient(r, q_, g_) : r;
  }

  void compete(const std::string& label, bool backward, double multiply_adds,
               const at::Tensor& expected) {
    const double roundings = 8 * std::sqrt(static_cast<double>(shape_.b));
    const at::Tensor result = ours(backward);
    require_agreement(label, result, "the formula", expected.detach(), roundings);
    std::vector<Contender> contenders = {
        local("oft", Role::kOurs, [this, backward] { ours(backward); })};
    if (auto peak = multiply_add_bound(multiply_adds)) contenders.push_back(*peak);
    Peer* peft = session_.peft();
    if (peft != nullptr) {
      const auto file = session_.workspace() / "cayley.pt";
      write_tensors(file, {{"q", q_.detach()}, {"g", g_}});
      peft->make("cayley", {{"work", "cayley"},
                            {"file", file.string()},
                            {"block_size", shape_.b},
                            {"neumann", spec_.formula != Formula::kCayley},
                            {"backward", backward}});
      const Tensors theirs = peft->result("cayley", session_.workspace() / "result.pt");
      require_agreement(label, result, "PEFT", theirs.at("value"), roundings);
      contenders.push_back(peft->contender("PEFT OFT", "cayley"));
    }
    session_.measure(label, contenders);
    if (peft != nullptr) peft->drop("cayley");
  }

  Session& session_;
  Shape shape_;
  RotationSpec spec_;
  at::Tensor q_;
  at::Tensor g_;
};

}  // namespace

void cayley_work(Session& session) {
  for (const RotationSpec& spec : {kExact, kNeumann})
    for (const Shape& shape : session.tiny() ? kTinyShapes : kShapes)
      Case(session, shape, spec).run();
}

}  // namespace oft::bench
