#pragma once

#include <string>

#include "oft/export.hpp"

namespace oft {

/// JSON: versions of oft and libtorch, the version of CUDA that this build's kernels are for (null
/// without) and how many such devices libtorch sees, the compiler, the instruction sets at hand and
/// the one in use, and who computes `functional::linear`: "blas", "onednn", or "auto" until that is
/// measured.
OFT_EXPORT std::string build_info();

}  // namespace oft
