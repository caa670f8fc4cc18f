#include "boundary.hpp"

using namespace oft::c_api;

oft_status oft_checkpoint_merge_create(const char* base, size_t base_size,
                                       oft_checkpoint_merge** out_merge, oft_error** out_error) {
  return boundary(out_error, [&] {
    give(out_merge, "out_merge", oft::CheckpointMerge(path_in(base, base_size, "base")));
  });
}

oft_status oft_checkpoint_merge_adapter(oft_checkpoint_merge* merge, const char* path,
                                        size_t path_size, oft_error** out_error) {
  return boundary(out_error,
                  [&] { deref(merge, "merge").value.adapter(path_in(path, path_size, "path")); });
}

oft_status oft_checkpoint_merge_component_adapter(oft_checkpoint_merge* merge,
                                                  const char* component, size_t component_size,
                                                  const char* path, size_t path_size,
                                                  oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(merge, "merge")
        .value.adapter(path_in(path, path_size, "path"),
                       std::string(text_in(component, component_size, "component")));
  });
}

oft_status oft_checkpoint_merge_options(oft_checkpoint_merge* merge, const char* json,
                                        size_t json_size, oft_error** out_error) {
  return boundary(out_error, [&] {
    deref(merge, "merge")
        .value.options(oft::CheckpointMergeOptions::from_json(text_in(json, json_size, "json")));
  });
}

oft_status oft_checkpoint_merge_run(oft_checkpoint_merge* merge, const char* target,
                                    size_t target_size, oft_progress* progress, void* user_data,
                                    oft_error** out_error) {
  return boundary(out_error, [&] {
    oft_checkpoint_merge& job = deref(merge, "merge");
    job.report.reset();
    job.value.progress(nullptr);
    if (progress != nullptr)
      job.value.progress([=](const oft::Progress& state) {
        return progress(user_data, state.done, state.total) == 0;
      });
    job.report = job.value.write_to(path_in(target, target_size, "target")).to_json();
  });
}

oft_status oft_checkpoint_merge_report(const oft_checkpoint_merge* merge, char* buffer,
                                       size_t capacity, size_t* out_size, oft_error** out_error) {
  return boundary(out_error, [&] {
    const oft_checkpoint_merge& job = deref(merge, "merge");
    if (!job.report)
      throw oft::Error(oft::Status::kInvalidState,
                       "no report: the merge has not yet run to its end");
    text_out(*job.report, buffer, capacity, out_size);
  });
}

void oft_checkpoint_merge_destroy(oft_checkpoint_merge* merge) { delete merge; }
