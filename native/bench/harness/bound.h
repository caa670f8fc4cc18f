#pragma once

#include <cstddef>
#include <optional>

#include "contender.h"

/// What no implementation on this machine's processor beats, on all threads of libtorch's pool.
namespace oft::bench {

/// So many fp32 multiply-adds and nothing else. Nothing where we have no such loop for the
/// processor.
std::optional<Contender> multiply_add_bound(double multiply_adds);

/// A copy of so many bytes from memory to memory.
Contender copy_bound(std::size_t bytes);

/// fp32 multiply-adds a second, and bytes copied a second (each read and written once).
double multiply_adds_per_second();
double bytes_copied_per_second();

}  // namespace oft::bench
