#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace oft {

/// A key of a file of another maker than PEFT, cut where its layer's name ends.
struct ForeignKey {
  std::string layer;
  std::string tensor;
};

/// Nothing where a key is none of a rotation's.
std::optional<ForeignKey> cut_foreign_key(std::string_view key);

/// Whether a tensor is a rotation, by whatever maker; PEFT 0.15 and older included.
bool is_rotation_key(std::string_view key);

/// The method that a key of another kind of adapter belongs to ("LoRA"), or empty.
std::string other_method(std::string_view key);

}  // namespace oft
