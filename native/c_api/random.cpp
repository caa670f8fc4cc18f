#include <ATen/Context.h>

#include <mutex>

#include "boundary.hpp"

using namespace oft::c_api;

oft_status oft_random_seed(uint64_t seed, oft_error** out_error) {
  return boundary(out_error, [&] { at::manual_seed(seed); });
}

oft_status oft_random_state(oft_tensor** out_state, oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(out_state, "out_state");
    at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
    const std::scoped_lock lock(generator.mutex());
    give(out_state, "out_state", generator.get_state());
  });
}

oft_status oft_random_set_state(const oft_tensor* state, oft_error** out_error) {
  return boundary(out_error, [&] {
    const at::Tensor& value = deref(state, "state").value;
    at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
    const std::scoped_lock lock(generator.mutex());
    generator.set_state(value);
  });
}
