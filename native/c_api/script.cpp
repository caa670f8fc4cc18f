#include <c10/core/GradMode.h>

#include "boundary.hpp"
#include "live_handles.hpp"
#include "script_module.hpp"
#include "tensor_types.hpp"
#include "value_types.hpp"

using namespace oft::c_api;

namespace {

oft::ScriptPlace place_in(const char* device, size_t device_size, oft_dtype dtype) {
  return {.device = std::string(text_in(device, device_size, "device")),
          .dtype = optional_type_in(dtype)};
}

}  // namespace

oft_status oft_script_load(const char* path, size_t path_size, const char* device,
                           size_t device_size, oft_dtype dtype, oft_script** out_script,
                           oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_script, "out_script",
         oft::load_script(path_in(path, path_size, "path"), place_in(device, device_size, dtype)));
  });
}

oft_status oft_script_load_bytes(const void* data, size_t data_size, const char* device,
                                 size_t device_size, oft_dtype dtype, oft_script** out_script,
                                 oft_error** out_error) {
  return boundary(out_error, [&] {
    const auto* bytes = static_cast<const char*>(data);
    give(out_script, "out_script",
         oft::load_script_bytes(text_in(bytes, data_size, "data"),
                                place_in(device, device_size, dtype)));
  });
}

oft_status oft_script_save(const oft_script* script, const char* path, size_t path_size,
                           oft_error** out_error) {
  return boundary(out_error, [&] {
    oft::save_script(deref(script, "script").value, path_in(path, path_size, "path"));
  });
}

oft_status oft_script_to_json(const oft_script* script, oft_text** out_report,
                              oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_report, "out_report", oft::script_to_json(deref(script, "script").value));
  });
}

oft_status oft_script_tensor(const oft_script* script, const char* name, size_t name_size,
                             oft_tensor** out_tensor, oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_tensor, "out_tensor",
         oft::script_tensor(deref(script, "script").value,
                            std::string(text_in(name, name_size, "name"))));
  });
}

oft_status oft_script_train(oft_script* script, int32_t on, oft_error** out_error) {
  return boundary(out_error, [&] { oft::train_script(deref(script, "script").value, on != 0); });
}

oft_status oft_script_call(const oft_script* script, const char* method, size_t method_size,
                           const oft_value* const* args, size_t count, const oft_value* kwargs,
                           int32_t record_grad, oft_value** out_result, oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(out_result, "out_result");
    const c10::AutoGradMode recording(record_grad != 0);
    give(out_result, "out_result",
         oft::call_script(deref(script, "script").value,
                          std::string(text_in(method, method_size, "method")),
                          values_in(args, count, "args"), kwargs_in(kwargs)));
  });
}

void oft_script_destroy(oft_script* script) { delete script; }
