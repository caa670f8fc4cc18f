#include <memory>
#include <utility>
#include <vector>

#include "boundary.hpp"
#include "oft/blend.hpp"
#include "oft/convert.hpp"
#include "oft/extract.hpp"

using namespace oft::c_api;

namespace {

std::vector<oft::BlendPart> parts_in(const oft_adapter* const* adapters, const double* weights,
                                     std::size_t count) {
  std::vector<oft::BlendPart> parts;
  for (std::size_t i = 0; i < count; ++i)
    parts.push_back({deref((&deref(adapters, "adapters"))[i], "an adapter").value,
                     (&deref(weights, "weights"))[i]});
  return parts;
}

/// Hands an adapter out with the report on it, both or none.
template <typename Report>
void give_both(oft_adapter** out_adapter, oft::AdapterFile adapter, oft_text** out_report,
               const Report& report) {
  deref(out_adapter, "out_adapter");
  if (out_report == nullptr) return give(out_adapter, "out_adapter", std::move(adapter));
  auto text = std::make_unique<oft_text>(report.to_json());
  give(out_adapter, "out_adapter", std::move(adapter));
  *out_report = text.release();
}

}  // namespace

oft_status oft_blend_adapters(const oft_adapter* const* adapters, const double* weights,
                              size_t count, const char* options, size_t options_size,
                              oft_adapter** out_adapter, oft_text** out_report,
                              oft_error** out_error) {
  return boundary(out_error, [&] {
    const auto parsed = oft::BlendOptions::from_json(text_in(options, options_size, "options"));
    oft::BlendReport report;
    oft::AdapterFile blend =
        oft::blend_adapters(parts_in(adapters, weights, count), parsed, &report);
    give_both(out_adapter, std::move(blend), out_report, report);
  });
}

oft_status oft_extract_adapter(const char* base, size_t base_size, const char* tuned,
                               size_t tuned_size, const oft_config* config, const char* options,
                               size_t options_size, oft_progress* progress, void* user_data,
                               oft_adapter** out_adapter, oft_text** out_report,
                               oft_error** out_error) {
  return boundary(out_error, [&] {
    const auto parsed = oft::ExtractOptions::from_json(text_in(options, options_size, "options"));
    oft::ProgressFunction watch;
    if (progress != nullptr)
      watch = [=](const oft::Progress& state) {
        return progress(user_data, state.done, state.total) == 0;
      };
    oft::ExtractReport report;
    oft::AdapterFile adapter =
        oft::extract_adapter(path_in(base, base_size, "base"), path_in(tuned, tuned_size, "tuned"),
                             deref(config, "config").value, parsed, &report, watch);
    give_both(out_adapter, std::move(adapter), out_report, report);
  });
}

oft_status oft_convert_adapter(const oft_adapter* adapter, const char* target, size_t target_size,
                               const char* options, size_t options_size, oft_text** out_report,
                               oft_error** out_error) {
  return boundary(out_error, [&] {
    const auto parsed = oft::ConvertOptions::from_json(text_in(options, options_size, "options"));
    const oft::ConvertReport report = oft::convert_adapter(
        deref(adapter, "adapter").value, path_in(target, target_size, "target"), parsed);
    if (out_report != nullptr) give(out_report, "out_report", report.to_json());
  });
}
