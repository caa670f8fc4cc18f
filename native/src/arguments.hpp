#pragma once

#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>

#include <string>
#include <vector>

#include "oft/module_tree.hpp"

/// Arguments as callers have them, made into those that a TorchScript method or an operator of
/// libtorch takes.
namespace oft {

/// Whether the first argument of a signature is an object that the caller does not pass.
enum class Receiver { kNone, kSelf };

/// Values in the order of a signature, or why the arguments do not fit it.
struct BoundArguments {
  std::vector<c10::IValue> values;  ///< complete, without the receiver
  std::string failure;              ///< empty where they fit

  bool fit() const { return failure.empty(); }
};

/// Matches arguments by position, then by name, fills in defaults, and converts: int to float,
/// lists and tuples to typed lists or tuples, dictionaries to typed ones, a number to a list of a
/// fixed size, names to dtypes ("float32") and devices ("cuda:0"). Anything else must be of the
/// type that the signature wants.
BoundArguments try_bind(const c10::FunctionSchema& schema, std::vector<c10::IValue> args,
                        const Kwargs& kwargs, Receiver receiver);

/// The values of `try_bind`. Throws Error(kInvalidArgument) naming the argument, what it is, what
/// is wanted, and the signature.
std::vector<c10::IValue> bind_arguments(const c10::FunctionSchema& schema,
                                        std::vector<c10::IValue> args, const Kwargs& kwargs,
                                        Receiver receiver);

/// "forward(x: Tensor, deep: bool = True) -> Tensor", without the receiver.
std::string signature_text(const c10::FunctionSchema& schema, Receiver receiver);

}  // namespace oft
