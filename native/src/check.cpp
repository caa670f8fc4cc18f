#include "oft/check.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>

#include <algorithm>

#include "checkpoint_tensor.hpp"
#include "foreign_adapter.hpp"
#include "json_text.hpp"
#include "merge_plan.hpp"
#include "oft/adapter_file.hpp"
#include "oft/checkpoint.hpp"
#include "oft/error.hpp"
#include "oft/merge.hpp"
#include "pipeline.hpp"
#include "text.hpp"

namespace oft {
namespace {

// Energies compare all pairs of neurons; past this many an even sample stands for them.
constexpr std::int64_t kEnergyNeurons = 1024;
// Where a plane's Q-angle passes this, a Neumann series visibly stretches (1 - theta^4 at 5 terms).
constexpr double kNeumannAngle = 0.6;

/// The hyperspherical energy of neurons [n, d], the mean of 1 / ||u_i - u_j|| over pairs of their
/// directions (Liu et al. 2018, "Learning towards Minimum Hyperspherical Energy", s = 1).
double hyperspherical_energy(const at::Tensor& neurons) {
  const at::Tensor norms = neurons.norm(2, {1}, /*keepdim=*/true);
  const at::Tensor kept = (norms > 0).flatten().nonzero().flatten();
  const at::Tensor directions = (neurons / norms).index_select(0, kept);
  const std::int64_t n = directions.size(0);
  if (n < 2) return 0;
  // ||u - v||^2 = 2 - 2 u.v; the clamp keeps equal directions finite.
  const at::Tensor squared = (2 - 2 * directions.matmul(directions.t())).clamp_min(1e-12);
  const at::Tensor inverse = squared.rsqrt();
  const at::Tensor off_diagonal = inverse.sum() - inverse.diagonal().sum();
  return off_diagonal.item<double>() / static_cast<double>(n * (n - 1));
}

/// An even sample, [n, elements], in float64, of the vectors of a weight whose angles a rotation
/// keeps: neurons, [out] rows of a Linear, on the input side, what each input feeds on the other.
at::Tensor sample_neurons(const at::Tensor& weight, LayerKind kind, Side side) {
  const at::Tensor matrix = weight.flatten(1);
  const bool in_rows = (kind != LayerKind::kConv1D) == (side == Side::kInput);
  const at::Tensor neurons = in_rows ? matrix : matrix.t();
  const std::int64_t rows = neurons.size(0);
  const std::int64_t count = std::min(rows, kEnergyNeurons);
  const at::Tensor index = at::arange(count, at::kLong) * rows / count;
  return neurons.index_select(0, index.floor().to(at::kLong)).to(at::kDouble);
}

class Checker {
 public:
  Checker(const AdaptedModel& model, double limit, CheckReport& report)
      : base_(model.checkpoint),
        adapter_(model.adapters.front()),
        component_(model.component),
        limit_(limit),
        report_(report) {
    adapter_.resolve_names(base_.layers());
  }

  void run() {
    std::vector<std::string> missing;
    for (const AdapterLayer& layer : adapter_.layers) {
      const Checkpoint::Location* location = base_.find(layer.name + ".weight");
      if (location == nullptr) {
        missing.push_back(layer.name);
        continue;
      }
      try {
        add(layer, *location);
      } catch (const Error& error) {
        report_.problems.push_back(error.what());
      }
    }
    if (!missing.empty())
      report_.problems.push_back(missing_layers_text(missing, adapter_.layers.size(), base_));
    report_.missing.insert(report_.missing.end(), missing.begin(), missing.end());
  }

 private:
  void add(const AdapterLayer& layer, const Checkpoint::Location& location) {
    const LayerKind kind = layer_kind(adapter_, layer, location.entry->shape.size());
    const std::vector<Rotation> rotations = adapter_.rotations(layer, kind, location.entry->shape);
    if (!layer.is_finite())
      throw Error(Status::kInvalidArgument,
                  "layer '" + layer.name + "': its parameters hold NaN or infinity");

    CheckedLayer row;
    row.name = layer.name;
    row.component = component_;
    row.kind = layer_kind_name(kind);
    row.shape = location.entry->shape;
    row.side = side_name(layer.side);
    row.factors = static_cast<std::int64_t>(rotations.size());
    row.block_size = rotations.front().block_size();
    double angle_sum = 0;
    std::int64_t planes = 0;
    for (const Rotation& rotation : rotations) {
      row.blocks += rotation.blocks();
      row.orthogonality_error = std::max(row.orthogonality_error, rotation.orthogonality_error());
      const at::Tensor angles = rotation.angles();
      if (angles.numel() == 0) continue;
      const at::Tensor largest = angles.amax(1).contiguous();
      row.block_angles.insert(row.block_angles.end(), largest.const_data_ptr<double>(),
                              largest.const_data_ptr<double>() + largest.numel());
      angle_sum += angles.sum().item<double>();
      planes += angles.numel();
      warn_of_wide_neumann(rotation, layer.name);
    }
    if (planes != 0) row.mean_angle = angle_sum / static_cast<double>(planes);
    const at::Tensor weight = read_tensor(base_, location);
    row.energy_before = hyperspherical_energy(sample_neurons(weight, kind, layer.side));
    row.energy_after = hyperspherical_energy(
        sample_neurons(merge_weight(weight, kind, rotations), kind, layer.side));

    if (!(row.orthogonality_error <= limit_))
      report_.problems.push_back("layer '" + layer.name + "': ||R^T R - I|| is " +
                                 number_text(row.orthogonality_error) + ", more than " +
                                 number_text(limit_));
    report_.layers.push_back(std::move(row));
  }

  void warn_of_wide_neumann(const Rotation& rotation, const std::string& name) {
    const double angle = rotation.largest_angle();
    if (!rotation.is_orthogonal() && angle > kNeumannAngle)
      report_.warnings.push_back(
          "layer '" + name + "': turns by up to " + number_text(angle) +
          " rad, where the Cayley-Neumann series is no longer close to a rotation");
  }

  const Checkpoint& base_;
  AdapterFile adapter_;
  const std::string& component_;
  double limit_;
  CheckReport& report_;
};

}  // namespace

CheckReport check_adapter(const std::filesystem::path& base, const std::filesystem::path& adapter,
                          double max_orthogonality_error) {
  if (!(max_orthogonality_error >= 0))
    throw Error(
        Status::kInvalidArgument,
        "max_orthogonality_error: " + number_text(max_orthogonality_error) + " must be 0 or more");
  const AdapterFile file = AdapterFile::load(adapter);
  CheckReport report;
  report.maker = file.maker();
  report.unused = file.unused_keys;
  report.warnings = file.warnings;
  for (const auto& [name, tensor] : file.replacements) report.replaced.push_back(name);
  for (const AdaptedModel& model : assign_adapters(base, {{file, ""}}))
    Checker(model, max_orthogonality_error, report).run();
  if (!report.unused.empty())
    report.problems.push_back(std::to_string(report.unused.size()) +
                              (is_peft(file.format)
                                   ? " tensors of the adapter are not announced by its config"
                                   : " tensors of the adapter are not understood"));
  return report;
}

std::string CheckReport::to_json() const {
  Json rows = Json::array();
  for (const CheckedLayer& layer : layers)
    rows.push_back({{"name", layer.name},
                    {"component", layer.component},
                    {"kind", layer.kind},
                    {"shape", layer.shape},
                    {"side", layer.side},
                    {"factors", layer.factors},
                    {"block_size", layer.block_size},
                    {"blocks", layer.blocks},
                    {"orthogonality_error", layer.orthogonality_error},
                    {"block_angles", layer.block_angles},
                    {"mean_angle", layer.mean_angle},
                    {"energy_before", layer.energy_before},
                    {"energy_after", layer.energy_after}});
  return Json{{"maker", maker},      {"layers", rows},       {"missing", missing},
              {"unused", unused},    {"replaced", replaced}, {"problems", problems},
              {"warnings", warnings}}
      .dump();
}

}  // namespace oft
