#pragma once

#include <torch/csrc/jit/api/module.h>

#include <memory>
#include <utility>

#include "handles.hpp"
#include "oft/model.hpp"
#include "optimizer.hpp"

struct oft_script : oft::c_api::Counted {
  explicit oft_script(torch::jit::Module v) : value(std::move(v)) {}
  torch::jit::Module value;
};

struct oft_model : oft::c_api::Counted {
  explicit oft_model(oft::OFTModel v) : value(std::move(v)) {}
  oft::OFTModel value;
};

struct oft_optimizer : oft::c_api::Counted {
  explicit oft_optimizer(std::unique_ptr<oft::Optimizer> v) : value(std::move(v)) {}
  std::unique_ptr<oft::Optimizer> value;
};
