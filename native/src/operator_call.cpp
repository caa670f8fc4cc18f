#include "operator_call.hpp"

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <string>

#include "arguments.hpp"
#include "oft/error.hpp"
#include "text.hpp"
#include "torch_error.hpp"

namespace oft {
namespace {

using Overloads = std::vector<c10::OperatorHandle>;

/// "aten::add.Tensor" into "aten::add" and "Tensor". No dot before the namespace's end counts.
std::pair<std::string, std::string> split_overload(std::string_view name) {
  const std::size_t scope = name.find("::");
  const std::size_t dot = scope == name.npos ? name.npos : name.find('.', scope);
  if (dot == name.npos) return {std::string(name), {}};
  return {std::string(name.substr(0, dot)), std::string(name.substr(dot + 1))};
}

/// All overloads, in the order that libtorch declares them: those that give a new tensor first.
Overloads all_overloads(const std::string& base) {
  Overloads found;
  if (base.find("::") == base.npos) return found;
  for (const auto& known : torch::jit::getAllOperatorsFor(c10::Symbol::fromQualString(base))) {
    if (!known->isC10Op()) continue;
    const auto handle = c10::Dispatcher::singleton().findSchema(known->schema().operator_name());
    if (handle) found.push_back(*handle);
  }
  return found;
}

[[noreturn]] void fail_unknown(const std::string& base) {
  std::vector<std::string> names;
  for (const c10::OperatorName& known : c10::Dispatcher::singleton().getAllOpNames())
    names.push_back(known.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const std::string meant = base.find("::") == base.npos ? "aten::" + base : base;
  throw Error(Status::kNotFound, "there is no operator '" + base +
                                     "'; nearest: " + quote_some(nearest_names(meant, names)));
}

Overloads look_up(std::string_view name) {
  const auto [base, overload] = split_overload(name);
  Overloads all = all_overloads(base);
  if (all.empty()) fail_unknown(base);
  if (overload.empty()) return all;
  std::vector<std::string> names;
  for (const c10::OperatorHandle& handle : all) {
    names.push_back(handle.schema().overload_name());
    if (names.back() == overload) return {handle};
  }
  throw Error(Status::kNotFound, "operator '" + base + "' has no overload '" + overload +
                                     "'; it has " + quote_some(names, names.size()));
}

/// What names stood for when they were first used. Names are never forgotten, so that readers take
/// no lock; there are no more of them than libtorch has operators.
class OverloadCache {
 public:
  const Overloads& get(std::string_view name) {
    std::atomic<const Entry*>& bucket =
        buckets_[std::hash<std::string_view>()(name) % buckets_.size()];
    const Entry* first = bucket.load(std::memory_order_acquire);
    for (const Entry* entry = first; entry != nullptr; entry = entry->next)
      if (entry->name == name) return entry->overloads;
    // Two threads may add one name; the same overloads are found by either entry.
    auto* added = new Entry{std::string(name), look_up(name), first};
    while (!bucket.compare_exchange_weak(added->next, added, std::memory_order_acq_rel)) {
    }
    return added->overloads;
  }

 private:
  struct Entry {
    std::string name;
    Overloads overloads;
    const Entry* next;
  };

  std::array<std::atomic<const Entry*>, 1024> buckets_{};
};

c10::IValue run(const c10::OperatorHandle& handle, std::vector<c10::IValue> stack) {
  try {
    const c10::AutoGradMode recording(true);
    handle.callBoxed(stack);
  } catch (const c10::Error& error) {
    throw Error(torch_status(error), handle.schema().name() + ": " + torch_message(error));
  }
  if (stack.empty()) return {};
  if (stack.size() == 1) return std::move(stack.front());
  return c10::ivalue::Tuple::create(std::move(stack));
}

}  // namespace

c10::IValue call_operator(std::string_view name, const std::vector<c10::IValue>& args,
                          const Kwargs& kwargs) {
  static OverloadCache& cache = *new OverloadCache;  // never freed: threads may outlive main
  const Overloads& overloads = cache.get(name);
  for (const c10::OperatorHandle& handle : overloads)
    if (auto stack = try_bind(handle.schema(), args, kwargs, Receiver::kNone))
      return run(handle, *std::move(stack));
  std::string reasons;
  for (const c10::OperatorHandle& handle : overloads) {
    std::string failure;
    try_bind(handle.schema(), args, kwargs, Receiver::kNone, &failure);
    reasons += "\n  " + signature_text(handle.schema(), Receiver::kNone) + ": " + failure;
  }
  throw Error(Status::kInvalidArgument,
              std::string(name) + " does not take these arguments:" + reasons);
}

}  // namespace oft
