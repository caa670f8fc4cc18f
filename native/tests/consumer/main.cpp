#include <ATen/ATen.h>

#include <cstdio>

#include "oft/c_api.h"
#include "oft/error.hpp"
#include "oft/rotation.hpp"

namespace {

bool abi_version_agrees() { return oft_abi_version() == OFT_ABI_VERSION; }

bool zero_parameters_give_identity() {
  const oft::Rotation rotation(at::zeros({2, 6}), 8, {});
  return at::equal(rotation.matrices(at::kFloat), at::eye(4).expand({2, 4, 4}));
}

bool errors_are_caught_by_type() {
  try {
    oft::Rotation(at::zeros({2, 5}), 8, {});
  } catch (const oft::Error& error) {
    return error.status() == oft::Status::kInvalidArgument;
  }
  return false;
}

}  // namespace

int main() {
  const bool passed =
      abi_version_agrees() && zero_parameters_give_identity() && errors_are_caught_by_type();
  std::puts(passed ? "consumer: passed" : "consumer: FAILED");
  return passed ? 0 : 1;
}
