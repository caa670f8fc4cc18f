#include "model_adapter.hpp"

#include <algorithm>
#include <bit>
#include <set>
#include <utility>

#include "dtypes.hpp"
#include "oft/error.hpp"

namespace oft {
namespace {

/// True where both are the same layers and replaced tensors, of equal shapes.
bool same_shapes(const AdapterParameters& a, const AdapterParameters& b) {
  const auto same_layer = [](const ModelLayer& left, const ModelLayer& right) {
    return left.module == right.module && left.flat == right.flat &&
           left.first_row == right.first_row && left.rows == right.rows &&
           left.block_size == right.block_size && left.side == right.side &&
           left.first_feature == right.first_feature && left.butterfly == right.butterfly;
  };
  const auto same_flat = [](const at::Tensor& left, const at::Tensor& right) {
    return left.sizes() == right.sizes() && left.options().type_equal(right.options());
  };
  const auto same_name = [](const ReplacedTensor& left, const ReplacedTensor& right) {
    return left.name == right.name;
  };
  return std::ranges::equal(a.plan->layers, b.plan->layers, same_layer) &&
         std::ranges::equal(a.flats, b.flats, same_flat) &&
         std::ranges::equal(a.replaced, b.replaced, same_name);
}

/// PEFT's name of an adapter's own copy: "head.weight" is "head.modules_to_save.default.weight".
std::string replaced_name(const std::string& parameter, const std::string& adapter) {
  const std::size_t dot = parameter.rfind('.');
  const std::string module = dot == std::string::npos ? "" : parameter.substr(0, dot + 1);
  return module + "modules_to_save." + adapter + "." + parameter.substr(module.size());
}

}  // namespace

Adapter::Adapter(std::string name, std::shared_ptr<const AdapterPlan> plan,
                 std::optional<AdapterParameters> parameters)
    : name_(std::move(name)), plan_(std::move(plan)), parameters_(std::move(parameters)) {}

const AdapterParameters& Adapter::parameters() const {
  if (!parameters_)
    throw Error(Status::kInvalidState,
                "adapter '" + name_ +
                    "' has no parameters yet, for it was made with low_cpu_mem_usage; bring them "
                    "by load_adapter");
  return *parameters_;
}

void Adapter::set_trainable(bool on) {
  if (!parameters_) return;
  for (at::Tensor& leaf : parameters_->leaves())
    if (leaf.is_floating_point()) leaf.requires_grad_(on);
}

bool Adapter::is_trainable() const {
  return parameters_ && std::ranges::any_of(parameters_->leaves(), &at::Tensor::requires_grad);
}

void Adapter::set_strength(double strength, std::shared_ptr<const ScaledParameters> scaled) {
  strength_ = strength;
  scaled_ = std::move(scaled);
}

AdapterSnapshot Adapter::snapshot(bool differentiable) const {
  return {parameters().alias(differentiable), strength_, stamp(), watched(), scaled_};
}

AdapterSnapshot Adapter::snapshot_at(double strength) const {
  Adapter other = *this;
  other.strength_ = strength;
  return other.snapshot(/*differentiable=*/false);
}

void Adapter::keep(const std::shared_ptr<const ScaledParameters>& scaled) {
  if (scaled != nullptr && scaled->stamp == stamp()) scaled_ = scaled;
}

void Adapter::project() {
  if (!plan_->spec.coft_eps) return;
  for (std::size_t i = 0; i < parameters_->flats.size(); ++i) {
    const at::Tensor projected = parameters_->projected(i);
    if (projected.equal(parameters_->flats[i])) continue;
    parameters_->flats[i].set_data(projected);
    ++generation_;
  }
}

bool Adapter::try_assign(const AdapterParameters& other) {
  if (!parameters_ || !same_shapes(*parameters_, other)) return false;
  const auto assign = [](at::Tensor& target, const at::Tensor& source) {
    target.set_data(source);
    target.mutable_grad().reset();
  };
  for (std::size_t i = 0; i < other.flats.size(); ++i)
    assign(parameters_->flats[i], other.flats[i]);
  for (std::size_t i = 0; i < other.replaced.size(); ++i)
    assign(parameters_->replaced[i].value, other.replaced[i].value);
  parameters_->row_scales = other.row_scales;
  parameters_->plan = plan_ = other.plan;
  ++generation_;
  return true;
}

std::vector<std::uint64_t> Adapter::stamp() const {
  std::vector<std::uint64_t> stamp{generation_, std::bit_cast<std::uint64_t>(strength_)};
  if (!parameters_) return stamp;
  const auto add = [&](const at::Tensor& tensor) {
    stamp.push_back(static_cast<std::uint64_t>(tensor._version()));
  };
  for (const at::Tensor& flat : parameters_->flats) add(flat);
  for (const ReplacedTensor& tensor : parameters_->replaced) add(tensor.value);
  return stamp;
}

std::vector<at::Tensor> Adapter::watched() const {
  std::vector<at::Tensor> watched;
  if (!parameters_ || !can_train()) return watched;
  for (const at::Tensor& flat : parameters_->flats) watched.push_back(flat.detach());
  for (const ReplacedTensor& tensor : parameters_->replaced)
    if (std::ranges::find(plan_->layers, tensor.name, &ModelLayer::weight_name) !=
        plan_->layers.end())
      watched.push_back(tensor.value.detach());
  return watched;
}

std::vector<NamedTensor> Adapter::named_tensors() const {
  const AdapterParameters& own = parameters();
  std::set<at::ScalarType> dtypes;
  std::set<std::string> devices;
  for (const FlatShape& flat : plan_->flats) {
    dtypes.insert(flat.dtype);
    devices.insert(flat.device.str());
  }
  std::vector<NamedTensor> named;
  for (std::size_t i = 0; i < own.flats.size(); ++i) {
    const FlatShape& flat = plan_->flats[i];
    if (own.flats[i].numel() == 0) continue;
    std::string name = "oft_R." + name_ + ".b" + std::to_string(flat.block_size);
    if (dtypes.size() > 1) name += "." + torch_name(flat.dtype);
    if (devices.size() > 1) name += "." + flat.device.str();
    named.emplace_back(std::move(name), own.flats[i]);
  }
  for (const ReplacedTensor& tensor : own.replaced)
    if (tensor.is_parameter) named.emplace_back(replaced_name(tensor.name, name_), tensor.value);
  return named;
}

}  // namespace oft
