#include "devices.hpp"
#include "dtypes.hpp"
#include "json_text.hpp"
#include "oft/checkpoint_merge.hpp"
#include "oft/error.hpp"

namespace oft {
namespace {

[[noreturn]] void fail(const std::string& key, const Json& value, const std::string& remedy) {
  throw Error(Status::kInvalidArgument, "option " + key + ": " + value.dump() + " " + remedy);
}

bool flag(const std::string& key, const Json& value) {
  if (!value.is_boolean()) fail(key, value, "must be true or false");
  return value;
}

std::uint64_t count(const std::string& key, const Json& value, std::uint64_t limit) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > limit)
    fail(key, value, "must be a whole number from 0 to " + std::to_string(limit));
  return value;
}

}  // namespace

CheckpointMergeOptions CheckpointMergeOptions::from_json(std::string_view json) {
  constexpr std::uint64_t max_threads = 1024;
  const Json document = parse_json(json, "options");
  if (!document.is_object()) throw Error(Status::kParse, "options: must be a JSON object");
  CheckpointMergeOptions options;
  for (const auto& [key, value] : document.items()) {
    if (key == "safe") {
      options.safe = flag(key, value);
    } else if (key == "force") {
      options.force = flag(key, value);
    } else if (key == "verify") {
      options.verify = flag(key, value);
    } else if (key == "sync") {
      options.sync = flag(key, value);
    } else if (key == "threads") {
      options.threads = static_cast<int>(count(key, value, max_threads));
    } else if (key == "max_shard_size") {
      options.max_shard_size = count(key, value, std::uint64_t{1} << 62);
    } else if (key == "dtype") {
      if (value.is_null()) continue;
      options.dtype = value.is_string() ? floating_type(value.get<std::string>()) : std::nullopt;
      if (!options.dtype)
        fail(key, value, "is none of \"float16\", \"bfloat16\", \"float32\", \"float64\"");
    } else if (key == "device") {
      if (value.is_null()) continue;
      if (!value.is_string()) fail(key, value, "must be a text such as \"cpu\" or \"cuda:0\"");
      options.device = present_device(value.get<std::string>());
    } else {
      fail(key, value,
           "is no option; known are safe, force, verify, sync, threads, max_shard_size, "
           "dtype and device");
    }
  }
  return options;
}

}  // namespace oft
