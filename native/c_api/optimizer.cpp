#include "optimizer.hpp"

#include "boundary.hpp"
#include "gradients.hpp"
#include "live_handles.hpp"
#include "tensor_types.hpp"

using namespace oft::c_api;

oft_status oft_optimizer_create(const char* spec, size_t spec_size,
                                const oft_tensor* const* tensors, size_t count,
                                oft_optimizer** out_optimizer, oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_optimizer, "out_optimizer",
         oft::Optimizer::create(text_in(spec, spec_size, "spec"), tensors_in(tensors, count)));
  });
}

oft_status oft_optimizer_step(oft_optimizer* optimizer, oft_error** out_error) {
  return boundary(out_error, [&] { deref(optimizer, "optimizer").value->step(); });
}

oft_status oft_optimizer_zero_grad(oft_optimizer* optimizer, oft_error** out_error) {
  return boundary(out_error, [&] { deref(optimizer, "optimizer").value->zero_grad(); });
}

oft_status oft_optimizer_set_options(oft_optimizer* optimizer, size_t group, const char* options,
                                     size_t options_size, oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(optimizer, "optimizer")
        .value->set_options(group, text_in(options, options_size, "options"));
  });
}

oft_status oft_optimizer_to_json(const oft_optimizer* optimizer, char* buffer, size_t capacity,
                                 size_t* out_size, oft_error** out_error) {
  return boundary(out_error, [&] {
    text_out(deref(optimizer, "optimizer").value->to_json(), buffer, capacity, out_size);
  });
}

oft_status oft_optimizer_save(const oft_optimizer* optimizer, const char* path, size_t path_size,
                              oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(optimizer, "optimizer").value->save(path_in(path, path_size, "path"));
  });
}

oft_status oft_optimizer_load(oft_optimizer* optimizer, const char* path, size_t path_size,
                              oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(optimizer, "optimizer").value->load(path_in(path, path_size, "path"));
  });
}

void oft_optimizer_destroy(oft_optimizer* optimizer) { delete optimizer; }

oft_status oft_gradients_clip(const oft_tensor* const* tensors, size_t count, double max_norm,
                              double* out_norm, oft_error** out_error) {
  return boundary(out_error, [&] {
    const double norm = oft::clip_gradients(tensors_in(tensors, count), max_norm);
    if (out_norm != nullptr) *out_norm = norm;
  });
}
