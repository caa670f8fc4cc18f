#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "layer_rotations.hpp"
#include "oft/adapter_file.hpp"
#include "oft/checkpoint.hpp"
#include "oft/convert.hpp"

namespace oft {

/// A conversion under way: what is converted, and what has been found out.
struct Conversion {
  Conversion(const AdapterFile& source, std::filesystem::path to, const ConvertOptions& wanted);

  /// What the format cannot take along: Error(kUnsupported), or with `force` a warning, after which
  /// `name` counts as left out.
  void leave_out(const std::string& name, const std::string& reason);

  /// The base that a layer is in, of which `reason` says why there is no way without. Throws
  /// Error(kInvalidArgument) where none is given.
  const Checkpoint& need_base(const AdapterLayer& layer, const std::string& reason) const;

  /// Throws Error(kInvalidArgument) where the layers are in several models: a folder of PEFT is for
  /// one.
  void require_one_model() const;

  /// The rotations of a layer; see `layer_rotations`.
  std::vector<Rotation> rotations(const AdapterLayer& layer) const;

  ConvertedLayer& add_row(const AdapterLayer& layer, const std::vector<Rotation>& rotations);

  AdapterFile adapter;  ///< with the module paths of the base
  std::filesystem::path target;
  const ConvertOptions& options;
  AdapterBases bases;
  ConvertReport report;
};

/// Lets `write` fill a folder that takes the target's place when it is done.
void write_folder(Conversion& conversion,
                  const std::function<void(const std::filesystem::path& folder)>& write);

/// What a file calls a layer: its component's prefix and its path with underscores for dots, as
/// kohya's tools and LyCORIS write it.
std::string flat_name(const Conversion& conversion, const AdapterLayer& layer);

/// The worst ||R' - R||_F of two rotations' blocks, in float64.
double worst_difference(const Rotation& one, const Rotation& other);

// One for each target.
void convert_to_peft(Conversion& conversion);
void convert_to_legacy_peft(Conversion& conversion);
void convert_to_lycoris(Conversion& conversion);
void convert_to_lora(Conversion& conversion);
void convert_to_full(Conversion& conversion);

}  // namespace oft
