#pragma once

#include <filesystem>

#include "oft/adapter_file.hpp"

namespace oft {

/// Reads an adapter without adapter_config.json: a tensor file, or the only one in a folder. Names
/// of tensors tell the maker; what they do not explain goes to `unused_keys`.
/// Throws Error(kNotFound) where there is no such file, Error(kUnsupported) naming the method of
/// other adapters (LoRA, ...), Error(kInvalidArgument) for tensors of several makers, of wrong
/// shapes, of half a layer, and for parameters of PEFT, which mean nothing without its config.
AdapterFile read_foreign_adapter(const std::filesystem::path& path);

/// Whether a file, or the only safetensors file in a folder, has tensors of OFT rotations. Of a
/// safetensors file the header is read only, a pickle is read whole.
bool is_foreign_adapter(const std::filesystem::path& path);

/// Whether PEFT's rules for names and configs hold.
bool is_peft(AdapterFormat format);

/// Lets the config of a foreign file say what its layers are: sorts them by name, makes their names
/// the targets and their most frequent block size the size.
void announce_layers(AdapterFile& file);

}  // namespace oft
