#pragma once

#include <string>

#include "oft/export.hpp"

namespace oft {

/// JSON: versions of oft and libtorch, the compiler, the instruction sets at hand and the one in
/// use.
OFT_EXPORT std::string build_info();

}  // namespace oft
