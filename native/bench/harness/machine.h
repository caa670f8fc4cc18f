#pragma once

#include <nlohmann/json.hpp>

namespace oft::bench {

/// What the numbers stand on: processor, threads, BLAS, oneDNN, the bounds; and what liboft says
/// of itself.
nlohmann::json describe_machine();

}  // namespace oft::bench
