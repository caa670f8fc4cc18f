#include <c10/core/GradMode.h>

#include <optional>

#include "autocast.hpp"
#include "boundary.hpp"
#include "live_handles.hpp"
#include "model_options.hpp"
#include "model_parameter.hpp"
#include "tensor_types.hpp"
#include "value_types.hpp"

using namespace oft::c_api;

namespace {

oft::OFTModel& model_of(oft_model* model) { return deref(model, "model").value; }
const oft::OFTModel& model_of(const oft_model* model) { return deref(model, "model").value; }

std::string name_in(const char* name, size_t size) {
  return std::string(text_in(name, size, "name"));
}

std::vector<std::string> names_in(const char* names, size_t size) {
  return oft::parse_adapter_names(text_in(names, size, "names"));
}

/// NULL stands for those that are active.
std::optional<std::vector<std::string>> optional_names_in(const char* names, size_t size) {
  if (names == nullptr && size == 0) return std::nullopt;
  return names_in(names, size);
}

oft::LayerProgress progress_in(oft_progress* progress, void* user_data) {
  if (progress == nullptr) return nullptr;
  return [=](std::int64_t done, std::int64_t total) {
    return progress(user_data, static_cast<uint64_t>(done), static_cast<uint64_t>(total)) == 0;
  };
}

}  // namespace

oft_status oft_model_create(const oft_script* script, const oft_config* config,
                            const char* adapter_name, size_t adapter_name_size, const char* options,
                            size_t options_size, oft_model** out_model, oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_model, "out_model",
         oft::OFTModel(oft::script_tree(deref(script, "script").value),
                       deref(config, "config").value,
                       std::string(text_in(adapter_name, adapter_name_size, "adapter_name")),
                       oft::parse_model_options(text_in(options, options_size, "options"))));
  });
}

oft_status oft_model_from_pretrained(const oft_script* script, const char* path, size_t path_size,
                                     const char* adapter_name, size_t adapter_name_size,
                                     int32_t is_trainable, const char* options, size_t options_size,
                                     oft_model** out_model, oft_error** out_error) {
  return boundary(out_error, [&] {
    const auto model_options = oft::parse_model_options(text_in(options, options_size, "options"));
    give(out_model, "out_model",
         oft::OFTModel::from_pretrained(
             oft::script_tree(deref(script, "script").value), path_in(path, path_size, "path"),
             std::string(text_in(adapter_name, adapter_name_size, "adapter_name")),
             {.is_trainable = is_trainable != 0,
              .low_cpu_mem_usage = model_options.low_cpu_mem_usage},
             model_options));
  });
}

oft_status oft_model_add_adapter(oft_model* model, const char* name, size_t name_size,
                                 const oft_config* config, int32_t low_cpu_mem_usage,
                                 oft_error** out_error) {
  return boundary(out_error, [&] {
    model_of(model).add_adapter(name_in(name, name_size), deref(config, "config").value,
                                low_cpu_mem_usage != 0);
  });
}

oft_status oft_model_load_adapter(oft_model* model, const char* path, size_t path_size,
                                  const char* name, size_t name_size, int32_t is_trainable,
                                  int32_t low_cpu_mem_usage, oft_error** out_error) {
  return boundary(out_error, [&] {
    model_of(model).load_adapter(
        path_in(path, path_size, "path"), name_in(name, name_size),
        {.is_trainable = is_trainable != 0, .low_cpu_mem_usage = low_cpu_mem_usage != 0});
  });
}

oft_status oft_model_save_pretrained(const oft_model* model, const char* path, size_t path_size,
                                     const char* names, size_t names_size, oft_error** out_error) {
  return boundary(out_error, [&] {
    model_of(model).save_pretrained(
        path_in(path, path_size, "path"),
        optional_names_in(names, names_size).value_or(std::vector<std::string>()));
  });
}

oft_status oft_model_set_adapter(oft_model* model, const char* names, size_t names_size,
                                 oft_error** out_error) {
  return boundary(out_error, [&] { model_of(model).set_adapter(names_in(names, names_size)); });
}

oft_status oft_model_set_adapter_strength(oft_model* model, const char* name, size_t name_size,
                                          double strength, oft_error** out_error) {
  return boundary(
      out_error, [&] { model_of(model).set_adapter_strength(name_in(name, name_size), strength); });
}

oft_status oft_model_adapter_strength(const oft_model* model, const char* name, size_t name_size,
                                      double* out_strength, oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(out_strength, "out_strength") =
        model_of(model).adapter_strength(name_in(name, name_size));
  });
}

oft_status oft_model_delete_adapter(oft_model* model, const char* name, size_t name_size,
                                    oft_error** out_error) {
  return boundary(out_error, [&] { model_of(model).delete_adapter(name_in(name, name_size)); });
}

oft_status oft_model_enable_adapter(oft_model* model, int32_t on, oft_error** out_error) {
  return boundary(out_error, [&] {
    on != 0 ? model_of(model).enable_adapter() : model_of(model).disable_adapter();
  });
}

oft_status oft_model_adapter(const oft_model* model, const char* name, size_t name_size,
                             oft_adapter** out_adapter, oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_adapter, "out_adapter", model_of(model).adapter(name_in(name, name_size)));
  });
}

oft_status oft_model_merge_adapter(oft_model* model, const char* names, size_t names_size,
                                   int32_t safe_merge, oft_error** out_error) {
  return boundary(out_error, [&] {
    model_of(model).merge_adapter(optional_names_in(names, names_size), safe_merge != 0);
  });
}

oft_status oft_model_unmerge_adapter(oft_model* model, oft_error** out_error) {
  return boundary(out_error, [&] { model_of(model).unmerge_adapter(); });
}

oft_status oft_model_merge_and_unload(oft_model* model, const char* names, size_t names_size,
                                      int32_t safe_merge, oft_progress* progress, void* user_data,
                                      oft_script** out_script, oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(out_script, "out_script");
    const auto merged =
        model_of(model).merge_and_unload({.progress = progress_in(progress, user_data),
                                          .safe_merge = safe_merge != 0,
                                          .adapter_names = optional_names_in(names, names_size)});
    give(out_script, "out_script", merged->script());
  });
}

oft_status oft_model_unload(oft_model* model, oft_script** out_script, oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(out_script, "out_script");
    give(out_script, "out_script", model_of(model).unload()->script());
  });
}

oft_status oft_model_forward(oft_model* model, const oft_value* const* args, size_t count,
                             const oft_value* kwargs, const char* names, size_t names_size,
                             int32_t record_grad, oft_dtype autocast, oft_value** out_result,
                             oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(out_result, "out_result");
    const c10::AutoGradMode recording(record_grad != 0);
    const oft::Activation active = model_of(model).activate(optional_names_in(names, names_size));
    // Only now: rotations are computed in full precision.
    std::optional<oft::Autocast> mixed;
    if (const auto type = optional_type_in(autocast)) mixed.emplace(*type);
    give(out_result, "out_result",
         active.forward(values_in(args, count, "args"), kwargs_in(kwargs)));
  });
}

oft_status oft_model_train(oft_model* model, int32_t on, oft_error** out_error) {
  return boundary(out_error, [&] { model_of(model).train(on != 0); });
}

oft_status oft_model_to_json(const oft_model* model, oft_text** out_report, oft_error** out_error) {
  return boundary(out_error, [&] { give(out_report, "out_report", model_of(model).to_json()); });
}

oft_status oft_model_parameter(const oft_model* model, const char* name, size_t name_size,
                               oft_tensor** out_tensor, oft_tensor** out_grad,
                               oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(out_tensor, "out_tensor");
    oft::OFTModel::LayerParameter found =
        oft::find_parameter(model_of(model), name_in(name, name_size));
    if (out_grad != nullptr) give_if_defined(out_grad, "out_grad", std::move(found.grad));
    give(out_tensor, "out_tensor", std::move(found.value));
  });
}

void oft_model_destroy(oft_model* model) { delete model; }
