#include "oft/check.hpp"

#include "boundary.hpp"

using namespace oft::c_api;

oft_status oft_check_adapter(const char* base, size_t base_size, const char* adapter,
                             size_t adapter_size, double max_orthogonality_error,
                             oft_text** out_report, oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_report, "out_report",
         oft::check_adapter(path_in(base, base_size, "base"),
                            path_in(adapter, adapter_size, "adapter"), max_orthogonality_error)
             .to_json());
  });
}

oft_status oft_describe_path(const char* path, size_t path_size, oft_text** out_report,
                             oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_report, "out_report", oft::describe_path(path_in(path, path_size, "path")));
  });
}
