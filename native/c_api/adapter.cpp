#include "boundary.hpp"
#include "tensor_types.hpp"

using namespace oft::c_api;

oft_status oft_adapter_load(const char* path, size_t path_size, oft_adapter** out_adapter,
                            oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_adapter, "out_adapter", oft::AdapterFile::load(path_in(path, path_size, "path")));
  });
}

oft_status oft_adapter_create(const oft_config* config, oft_adapter** out_adapter,
                              oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_adapter, "out_adapter", oft::AdapterFile(deref(config, "config").value));
  });
}

oft_status oft_adapter_put(oft_adapter* adapter, const char* layer, size_t layer_size,
                           int32_t is_embedding, const oft_tensor* q, oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(adapter, "adapter")
        .value.put(std::string(text_in(layer, layer_size, "layer")), is_embedding != 0,
                   deref(q, "q").value);
  });
}

oft_status oft_adapter_save(const oft_adapter* adapter, const char* path, size_t path_size,
                            oft_error** out_error) {
  return boundary(out_error,
                  [&] { deref(adapter, "adapter").value.save(path_in(path, path_size, "path")); });
}

oft_status oft_adapter_to_json(const oft_adapter* adapter, char* buffer, size_t capacity,
                               size_t* out_size, oft_error** out_error) {
  return boundary(out_error, [&] {
    text_out(deref(adapter, "adapter").value.to_json(), buffer, capacity, out_size);
  });
}

oft_status oft_adapter_config(const oft_adapter* adapter, oft_config** out_config,
                              oft_error** out_error) {
  return boundary(out_error,
                  [&] { give(out_config, "out_config", deref(adapter, "adapter").value.config); });
}

oft_status oft_adapter_rotation(const oft_adapter* adapter, const char* layer, size_t layer_size,
                                int64_t features, oft_rotation** out_rotation,
                                oft_error** out_error) {
  return boundary(out_error, [&] {
    const oft::AdapterFile& file = deref(adapter, "adapter").value;
    give(out_rotation, "out_rotation",
         file.rotation(file.layer(text_in(layer, layer_size, "layer")), features));
  });
}

void oft_adapter_destroy(oft_adapter* adapter) { delete adapter; }
