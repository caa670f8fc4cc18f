#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace oft {

/// Throws Error(kInvalidArgument) where `version` is not a Python version (PEP 440). What follows
/// an
/// '@' is a commit and is ignored.
void require_peft_version(std::string_view version);

/// Whether `version` precedes the final release `release`, e.g. {0, 18, 0}: pre-releases and
/// development versions of a release do. Throws as require_peft_version.
bool peft_precedes(std::string_view version, const std::vector<std::int64_t>& release);

}  // namespace oft
