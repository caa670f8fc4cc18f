#include "optimizer.hpp"

#include <torch/optim/optimizer.h>
#include <torch/serialize/input-archive.h>
#include <torch/serialize/output-archive.h>

#include <array>
#include <limits>
#include <set>
#include <stdexcept>
#include <utility>

#include "archive_writer.hpp"
#include "dtypes.hpp"
#include "files.hpp"
#include "json_text.hpp"
#include "oft/error.hpp"
#include "optimizer_json.hpp"
#include "optimizer_options.hpp"
#include "text.hpp"
#include "torch_error.hpp"

namespace oft {
namespace {

using namespace torch::optim;

/// Our part of an archive: what the state belongs to.
constexpr const char* kArchiveKey = "oft";

template <typename Options>
void check_together(const Options&, const std::string&) {}

void check_together(const SGDOptions& options, const std::string& where) {
  if (options.nesterov() && (options.momentum() == 0 || options.dampening() != 0))
    bad_optimizer(where + ".nesterov: true needs a momentum above 0 and a dampening of 0");
}

void check_tensors(const std::vector<at::Tensor>& tensors) {
  std::set<const void*> seen;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const at::Tensor& tensor = tensors[i];
    const std::string name = "tensor " + std::to_string(i) + " " + shape_text(tensor.sizes());
    if (!tensor.is_leaf())
      bad_optimizer(name +
                    " is the result of a recorded operation; give the tensor it was made from");
    if (!tensor.requires_grad())
      bad_optimizer(name + " does not require gradients; make it so first");
    if (!seen.insert(tensor.unsafeGetTensorImpl()).second) bad_optimizer(name + " is given twice");
  }
}

std::size_t read_count(const Json& group, const std::string& where) {
  if (!group.is_object()) bad_optimizer(where, group, "must be an object");
  const auto count = group.find("count");
  if (count == group.end())
    bad_optimizer(where, group, "lacks \"count\", the number of its tensors");
  if (!count->is_number_unsigned() || *count == 0)
    bad_optimizer(where + ".count", *count, "must be a whole number from 1 on");
  return count->get<std::size_t>();
}

std::string group_name(std::size_t index) { return "groups[" + std::to_string(index) + "]"; }

Json parse_object(std::string_view text, const std::string& source) {
  Json value = parse_json(text, source);
  if (!value.is_object()) throw Error(Status::kParse, source + ": must be a JSON object");
  return value;
}

[[noreturn]] void fail_reading(const std::filesystem::path& path, const std::string& why = {}) {
  throw Error(Status::kParse, path.string() + ": not a saved optimizer state, or a damaged one" +
                                  (why.empty() ? "" : ": " + why));
}

/// Runs a part of libtorch's reader, whose errors are the file's.
template <typename Read>
void reading(const std::filesystem::path& path, Read&& read) {
  try {
    read();
  } catch (const c10::Error& error) {
    fail_reading(path, torch_message(error));
  } catch (const std::logic_error& error) {
    fail_reading(path, error.what());
  }
}

template <typename Type, typename Options, typename State>
class TypedOptimizer final : public oft::Optimizer {
 public:
  TypedOptimizer(std::string name, std::vector<OptimizerParamGroup> groups)
      : name_(std::move(name)), optimizer_(make(groups)) {}

  /// A group whose options are those of a JSON object.
  static OptimizerParamGroup group(std::vector<at::Tensor> tensors, const Json& options,
                                   const std::string& where) {
    return {std::move(tensors), std::make_unique<Options>(read(default_options(), options, where))};
  }

  void step() override { optimizer_->step(); }
  void zero_grad() override { optimizer_->zero_grad(); }

  void set_options(std::size_t index, std::string_view text) override {
    auto& groups = optimizer_->param_groups();
    if (index >= groups.size())
      bad_optimizer("has " + std::to_string(groups.size()) + " groups, so there is no group " +
                    std::to_string(index));
    const std::string where = group_name(index);
    auto& options = static_cast<Options&>(groups[index].options());
    Options changed = read(options, parse_object(text, "optimizer options"), where);
    for (const at::Tensor& tensor : groups[index].params())
      if (State* state = state_of(*optimizer_, tensor))
        if (const char* option = option_without_state(changed, *state))
          bad_optimizer(where + "." + option +
                        ": cannot be turned on after the first step; make a new optimizer");
    options = changed;
  }

  std::string to_json() const override { return describe().dump(); }

  void save(const std::filesystem::path& path) const override {
    torch::serialize::OutputArchive archive;
    archive.write(kArchiveKey, c10::IValue(describe_owner().dump()));
    optimizer_->save(archive);
    write_archive(path, [&](const ArchiveWriter& writer) { archive.save_to(writer); });
  }

  void load(const std::filesystem::path& path) override {
    std::unique_ptr<Type> loaded = make(optimizer_->param_groups());
    const std::string bytes = read_text_file(path, std::numeric_limits<std::size_t>::max());
    torch::serialize::InputArchive archive;
    reading(path, [&] { archive.load_from(bytes.data(), bytes.size(), at::Device(at::kCPU)); });
    check_owner(path, archive);
    reading(path, [&] { loaded->load(archive); });
    for (const OptimizerParamGroup& group : loaded->param_groups())
      for (const at::Tensor& tensor : group.params())
        if (State* state = state_of(*loaded, tensor))
          adopt(path, *state, static_cast<const Options&>(group.options()), tensor);
    optimizer_ = std::move(loaded);
  }

 private:
  static Options default_options() {
    if constexpr (std::is_default_constructible_v<Options>) {
      return Options();
    } else {
      return Options(1e-3);
    }
  }

  static Options read(Options options, const Json& given, const std::string& where) {
    OptionReader reader(given, where);
    visit_options(options, reader);
    reader.finish();
    check_together(options, where);
    return options;
  }

  /// libtorch's constructor takes an option that equals its default for one not given.
  static std::unique_ptr<Type> make(const std::vector<OptimizerParamGroup>& groups) {
    auto optimizer = std::make_unique<Type>(groups, default_options());
    for (std::size_t i = 0; i < groups.size(); ++i)
      static_cast<Options&>(optimizer->param_groups()[i].options()) =
          static_cast<const Options&>(groups[i].options());
    return optimizer;
  }

  static State* state_of(Type& optimizer, const at::Tensor& tensor) {
    const auto found = optimizer.state().find(tensor.unsafeGetTensorImpl());
    return found == optimizer.state().end() ? nullptr : static_cast<State*>(found->second.get());
  }

  Json describe() const {
    Json groups = Json::array();
    for (const OptimizerParamGroup& group : optimizer_->param_groups()) {
      Json row{{"count", group.params().size()}};
      Options options = static_cast<const Options&>(group.options());
      visit_options(options, OptionWriter(row));
      groups.push_back(std::move(row));
    }
    return {{"type", name_}, {"groups", std::move(groups)}};
  }

  /// What must be the same for a state to be another optimizer's.
  Json describe_owner() const {
    Json groups = Json::array();
    for (const OptimizerParamGroup& group : optimizer_->param_groups()) {
      Json tensors = Json::array();
      for (const at::Tensor& tensor : group.params())
        tensors.push_back(torch_name(tensor.scalar_type()) + " " + shape_text(tensor.sizes()));
      groups.push_back(std::move(tensors));
    }
    return {{"type", name_}, {"groups", std::move(groups)}};
  }

  void check_owner(const std::filesystem::path& path,
                   torch::serialize::InputArchive& archive) const {
    c10::IValue owner;
    if (!archive.try_read(kArchiveKey, owner) || !owner.isString()) fail_reading(path);
    const Json expected = describe_owner();
    if (const Json actual = parse_json(owner.toStringRef(), path.string()); actual != expected)
      throw Error(Status::kInvalidArgument, path.string() + ": is the state of " + actual.dump() +
                                                ", the optimizer is " + expected.dump());
  }

  /// Brings a state to the device of its tensor, if it is that of such a tensor.
  static void adopt(const std::filesystem::path& path, State& state, Options options,
                    const at::Tensor& tensor) {
    for (at::Tensor* part : state_tensors(state)) {
      if (!part->defined()) continue;
      if (part->sizes() != tensor.sizes() || part->scalar_type() != tensor.scalar_type())
        fail_reading(path);
      *part = part->to(tensor.device());
    }
    if (option_without_state(options, state) != nullptr) fail_reading(path);
  }

  std::string name_;
  std::unique_ptr<Type> optimizer_;
};

template <typename Typed>
std::unique_ptr<oft::Optimizer> create_typed(const std::string& name, const Json& groups,
                                             const std::vector<at::Tensor>& tensors) {
  std::vector<OptimizerParamGroup> made;
  auto next = tensors.begin();
  for (std::size_t i = 0; i < groups.size(); ++i) {
    Json options = groups[i];
    const auto end = next + options["count"].get<std::ptrdiff_t>();
    options.erase("count");
    made.push_back(Typed::group({next, end}, options, group_name(i)));
    next = end;
  }
  return std::make_unique<Typed>(name, made);
}

using Create = std::unique_ptr<oft::Optimizer> (*)(const std::string& name, const Json& groups,
                                                   const std::vector<at::Tensor>& tensors);

template <typename Type, typename Options, typename State>
constexpr Create kCreate = &create_typed<TypedOptimizer<Type, Options, State>>;

const auto kTypes = std::to_array<std::pair<const char*, Create>>({
    {"AdamW", kCreate<AdamW, AdamWOptions, AdamWParamState>},
    {"Adam", kCreate<Adam, AdamOptions, AdamParamState>},
    {"SGD", kCreate<SGD, SGDOptions, SGDParamState>},
    {"Adagrad", kCreate<Adagrad, AdagradOptions, AdagradParamState>},
    {"RMSprop", kCreate<RMSprop, RMSpropOptions, RMSpropParamState>},
});

/// The groups, whose counts add up to all tensors.
const Json& read_groups(const Json& spec, std::size_t tensors) {
  const auto groups = spec.find("groups");
  if (groups == spec.end() || !groups->is_array() || groups->empty())
    bad_optimizer("spec: must have \"groups\", an array of objects with \"count\" and options");
  std::size_t total = 0;
  for (std::size_t i = 0; i < groups->size(); ++i) {
    const std::size_t count = read_count((*groups)[i], group_name(i));
    if (count > tensors - total)
      bad_optimizer(group_name(i) + ".count: " + std::to_string(count) + " is more than the " +
                    std::to_string(tensors - total) + " tensors that are left of " +
                    std::to_string(tensors));
    total += count;
  }
  if (total != tensors)
    bad_optimizer("spec: the counts of its groups add up to " + std::to_string(total) +
                  ", but there are " + std::to_string(tensors) + " tensors");
  return *groups;
}

}  // namespace

std::unique_ptr<Optimizer> Optimizer::create(std::string_view text,
                                             const std::vector<at::Tensor>& tensors) {
  const Json spec = parse_object(text, "optimizer spec");
  for (const auto& [key, value] : spec.items())
    if (key != "type" && key != "groups")
      bad_optimizer("spec." + key, value, "is unknown; a spec has \"type\" and \"groups\"");
  const Json type = spec.value("type", Json());
  std::vector<std::string> names;
  for (const auto& [name, create] : kTypes) {
    if (type == name) {
      const Json& groups = read_groups(spec, tensors.size());
      check_tensors(tensors);
      return create(name, groups, tensors);
    }
    names.emplace_back(name);
  }
  bad_optimizer("spec.type", type, "is no optimizer; there are " + quote_some(names));
}

}  // namespace oft
