#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "oft/adapter_file.hpp"
#include "oft/checkpoint.hpp"

namespace oft {

/// An adapter, and the component of a pipeline that it is for; empty: the one that it fits.
struct RequestedAdapter {
  AdapterFile adapter;
  std::string component;
};

/// A model of the base that adapters turn: the only one, or a component of a pipeline.
struct AdaptedModel {
  std::string component;  ///< folder below the base's; empty where the base is no pipeline
  Checkpoint checkpoint;
  std::vector<AdapterFile> adapters;  ///< in the order of a forward
};

/// Gives each adapter to its component: the one requested, else those that the adapter names
/// itself, each with its own layers, else the only one with a weight for every layer. Models come
/// by component, without those that no adapter is for.
/// Throws Error(kInvalidArgument) naming the candidates where a component is unknown, or where none
/// or several fit, and what `Checkpoint::open` throws.
std::vector<AdaptedModel> assign_adapters(const std::filesystem::path& base,
                                          std::vector<RequestedAdapter> requests);

/// `folder / part`, or `folder` where `part` is empty.
std::filesystem::path part_of(const std::filesystem::path& folder,
                              const std::filesystem::path& part);

}  // namespace oft
