#pragma once

#include <filesystem>
#include <vector>

#include "oft/adapter_file.hpp"

namespace oft {

/// The component of a diffusers pipeline that has a weight for every layer of the adapters, as a
/// folder below `base`; empty where `base` is no pipeline. Throws Error(kInvalidArgument) naming
/// the candidates where none or several fit.
std::filesystem::path choose_component(const std::filesystem::path& base,
                                       const std::vector<AdapterFile>& adapters);

/// `folder / part`, or `folder` where `part` is empty.
std::filesystem::path part_of(const std::filesystem::path& folder,
                              const std::filesystem::path& part);

}  // namespace oft
