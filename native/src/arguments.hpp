#pragma once

#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>

#include <optional>
#include <string>
#include <vector>

#include "oft/module_tree.hpp"

/// Arguments as callers have them, made into those that a TorchScript method or an operator of
/// libtorch takes.
namespace oft {

/// Whether the first argument of a signature is an object that the caller does not pass.
enum class Receiver { kNone, kSelf };

/// The values in the order of a signature, complete, without the receiver; or nothing where the
/// arguments do not fit it. `failure`, where it is not null, then receives why: texts cost more
/// than most operators, so a search among overloads goes without.
///
/// Matches arguments by position, then by name, fills in defaults, and converts: int to float,
/// lists and tuples to typed lists or tuples, dictionaries to typed ones, a number to a list of a
/// fixed size, names to dtypes ("float32") and devices ("cuda:0"). Anything else must be of the
/// type that the signature wants.
std::optional<std::vector<c10::IValue>> try_bind(const c10::FunctionSchema& schema,
                                                 const std::vector<c10::IValue>& args,
                                                 const Kwargs& kwargs, Receiver receiver,
                                                 std::string* failure = nullptr);

/// The values of `try_bind`. Throws Error(kInvalidArgument) naming the argument, what it is, what
/// is wanted, and the signature.
std::vector<c10::IValue> bind_arguments(const c10::FunctionSchema& schema,
                                        const std::vector<c10::IValue>& args, const Kwargs& kwargs,
                                        Receiver receiver);

/// "forward(x: Tensor, deep: bool = True) -> Tensor", without the receiver.
std::string signature_text(const c10::FunctionSchema& schema, Receiver receiver);

}  // namespace oft
