#include "boundary.hpp"
#include "operator_call.hpp"
#include "value_types.hpp"

using namespace oft::c_api;

oft_status oft_operator_call(const char* name, size_t name_size, const oft_value* const* args,
                             size_t count, const oft_value* kwargs, oft_value** out_result,
                             oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(out_result, "out_result");
    give(out_result, "out_result",
         oft::call_operator(text_in(name, name_size, "name"), values_in(args, count, "args"),
                            kwargs_in(kwargs)));
  });
}
