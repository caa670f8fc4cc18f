#pragma once

#include <c10/util/Exception.h>

#include <string>

#include "oft/error.hpp"

namespace oft {

/// What an error of libtorch means. Its checks are of what callers give it, its assertions are of
/// itself.
Status torch_status(const c10::Error& error);

/// What it says, without a backtrace.
std::string torch_message(const c10::Error& error);

}  // namespace oft
