#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "oft/adapter_file.hpp"
#include "oft/c_api.h"
#include "oft/checkpoint_merge.hpp"
#include "oft/config.hpp"
#include "oft/error.hpp"
#include "oft/rotation.hpp"

namespace oft::c_api {

inline std::atomic<std::int64_t> live_handles{0};

/// Counts the handles that exist.
struct Counted {
  Counted() { ++live_handles; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --live_handles; }
};

}  // namespace oft::c_api

struct oft_error : oft::c_api::Counted {
  oft_error(oft::Status s, std::string m) : status(s), message(std::move(m)) {}
  oft::Status status;
  std::string message;
};

struct oft_config : oft::c_api::Counted {
  explicit oft_config(oft::OFTConfig v) : value(std::move(v)) {}
  oft::OFTConfig value;
};

struct oft_tensor : oft::c_api::Counted {
  explicit oft_tensor(at::Tensor v) : value(std::move(v)) {}
  at::Tensor value;
};

struct oft_rotation : oft::c_api::Counted {
  explicit oft_rotation(oft::Rotation v) : value(std::move(v)) {}
  oft::Rotation value;
};

struct oft_adapter : oft::c_api::Counted {
  explicit oft_adapter(oft::AdapterFile v) : value(std::move(v)) {}
  oft::AdapterFile value;
};

struct oft_checkpoint_merge : oft::c_api::Counted {
  explicit oft_checkpoint_merge(oft::CheckpointMerge v) : value(std::move(v)) {}
  oft::CheckpointMerge value;
  std::optional<std::string> report;
};

struct oft_text : oft::c_api::Counted {
  explicit oft_text(std::string v) : value(std::move(v)) {}
  std::string value;
};

struct oft_value : oft::c_api::Counted {
  explicit oft_value(c10::IValue v) : value(std::move(v)) {}
  c10::IValue value;
};
