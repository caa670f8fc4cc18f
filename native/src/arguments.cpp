#include "arguments.hpp"

#include <ATen/core/jit_type.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include "dtypes.hpp"
#include "json_text.hpp"
#include "oft/error.hpp"
#include "text.hpp"

namespace oft {
namespace {

using c10::IValue;
using c10::TypeKind;
using c10::TypePtr;

/// What a value is, for messages.
std::string describe(const IValue& value) {
  if (value.isNone()) return "None";
  if (value.isTensor()) {
    const at::Tensor& tensor = value.toTensor();
    if (!tensor.defined()) return "an undefined tensor";
    return "a " + torch_name(tensor.scalar_type()) + " tensor " + shape_text(tensor.sizes());
  }
  if (value.isInt()) return "the int " + std::to_string(value.toInt());
  if (value.isDouble()) return "the float " + number_text(value.toDouble());
  if (value.isBool()) return value.toBool() ? "True" : "False";
  if (value.isString()) return "the text " + quote(value.toStringRef());
  if (value.isList()) return "a list of " + std::to_string(value.toListRef().size());
  if (value.isTuple()) return "a tuple of " + std::to_string(value.toTupleRef().elements().size());
  if (value.isGenericDict()) return "a dict of " + std::to_string(value.toGenericDict().size());
  return value.type()->annotation_str();
}

/// A value as one of a given type, or nothing, with the reason where `failure` is not null.
class Conversion {
 public:
  explicit Conversion(std::string* failure) : failure_(failure) {}

  std::optional<IValue> run(const IValue& value, const TypePtr& wanted) {
    switch (wanted->kind()) {
      case TypeKind::AnyType:
        return value;
      case TypeKind::OptionalType:
        if (value.isNone()) return value;
        return run(value, wanted->expectRef<c10::OptionalType>().getElementType());
      case TypeKind::TensorType:
        if (value.isTensor()) return value;
        break;
      case TypeKind::IntType:
        if (value.isInt()) return value;
        break;
      case TypeKind::FloatType:
        if (value.isDouble()) return value;
        if (value.isInt()) return static_cast<double>(value.toInt());
        break;
      case TypeKind::NumberType:
        if (value.isScalar()) return value;
        break;
      case TypeKind::DeviceObjType:
        if (value.isString()) return device(value);
        break;
      case TypeKind::ListType:
        if (value.isList()) return list(value.toListRef(), wanted);
        if (value.isTuple()) return list(value.toTupleRef().elements(), wanted);
        break;
      case TypeKind::TupleType:
        if (value.isList()) return tuple(value.toListRef(), value, wanted);
        if (value.isTuple()) return tuple(value.toTupleRef().elements(), value, wanted);
        break;
      case TypeKind::DictType:
        if (value.isGenericDict()) return dict(value, wanted);
        break;
      default:
        break;
    }
    if (value.type()->isSubtypeOf(*wanted)) return value;
    return refuse(value, wanted);
  }

 private:
  std::nullopt_t refuse(const IValue& value, const TypePtr& wanted) {
    if (failure_) *failure_ = "is " + describe(value) + ", wanted is " + wanted->annotation_str();
    return std::nullopt;
  }

  std::optional<IValue> item(const IValue& value, const TypePtr& wanted, std::size_t index) {
    std::optional<IValue> converted = run(value, wanted);
    if (!converted && failure_) *failure_ = "item " + std::to_string(index) + " " + *failure_;
    return converted;
  }

  std::optional<IValue> device(const IValue& value) {
    try {
      return c10::Device(value.toStringRef());
    } catch (const c10::Error&) {
      if (failure_)
        *failure_ = "is " + describe(value) + ", wanted is a device such as \"cpu\" or \"cuda:0\"";
      return std::nullopt;
    }
  }

  std::optional<IValue> list(c10::ArrayRef<IValue> items, const TypePtr& wanted) {
    const TypePtr& element = wanted->expectRef<c10::ListType>().getElementType();
    c10::impl::GenericList result(element);
    result.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      std::optional<IValue> converted = item(items[i], element, i);
      if (!converted) return std::nullopt;
      result.push_back(*std::move(converted));
    }
    return result;
  }

  std::optional<IValue> tuple(c10::ArrayRef<IValue> items, const IValue& value,
                              const TypePtr& wanted) {
    const c10::TupleTypePtr type = wanted->expect<c10::TupleType>();
    const c10::ArrayRef<TypePtr> elements = type->elements();
    if (items.size() != elements.size()) return refuse(value, wanted);
    std::vector<IValue> result;
    result.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      std::optional<IValue> converted = item(items[i], elements[i], i);
      if (!converted) return std::nullopt;
      result.push_back(*std::move(converted));
    }
    if (type->schema()) return c10::ivalue::Tuple::createNamed(std::move(result), type);
    return c10::ivalue::Tuple::create(std::move(result));
  }

  std::optional<IValue> dict(const IValue& value, const TypePtr& wanted) {
    const auto& type = wanted->expectRef<c10::DictType>();
    c10::impl::GenericDict result(type.getKeyType(), type.getValueType());
    for (const auto& entry : value.toGenericDict()) {
      const std::optional<IValue> key = run(entry.key(), type.getKeyType());
      if (!key) {
        if (failure_) *failure_ = "a key " + *failure_;
        return std::nullopt;
      }
      const std::optional<IValue> converted = run(entry.value(), type.getValueType());
      if (!converted) {
        if (failure_) *failure_ = "the item of " + describe(entry.key()) + " " + *failure_;
        return std::nullopt;
      }
      result.insert(*key, *converted);
    }
    return result;
  }

  std::string* const failure_;
};

TypePtr without_optional(const TypePtr& type) {
  const auto optional = type->cast<c10::OptionalType>();
  return optional ? optional->getElementType() : type;
}

/// What the signatures of operators allow beyond their types: names of dtypes, which are ints to
/// TorchScript, and one number where a list of a fixed size is wanted. Nothing where a value stays.
std::optional<IValue> widen(const IValue& value, const c10::Argument& argument) {
  if (value.isString() &&
      without_optional(argument.real_type())->kind() == TypeKind::ScalarTypeType) {
    const auto& types = c10::getStringToDtypeMap();
    const auto type = types.find(value.toStringRef());
    if (type != types.end()) return static_cast<std::int64_t>(type->second);
  }
  if (argument.N() && value.isScalar() &&
      without_optional(argument.type())->kind() == TypeKind::ListType)
    return c10::ivalue::Tuple::create(
        std::vector<IValue>(static_cast<std::size_t>(*argument.N()), value));
  return std::nullopt;
}

std::string quoted(const c10::Argument& argument) { return "argument '" + argument.name() + "'"; }

c10::ArrayRef<c10::Argument> passed_arguments(const c10::FunctionSchema& schema,
                                              Receiver receiver) {
  const c10::ArrayRef<c10::Argument> all = schema.arguments();
  return receiver == Receiver::kSelf ? all.slice(1) : all;
}

std::string operator_or_method(const c10::FunctionSchema& schema) {
  return schema.overload_name().empty() ? schema.name()
                                        : schema.name() + "." + schema.overload_name();
}

std::string unknown_name(const std::string& name, c10::ArrayRef<c10::Argument> arguments) {
  std::vector<std::string> names;
  for (const c10::Argument& argument : arguments) names.push_back(argument.name());
  return "there is no argument '" + name + "'" +
         (names.empty() ? "" : "; nearest: " + quote_some(nearest_names(name, names)));
}

/// Whether each keyword names an argument, and none that a position has filled.
bool names_fit(c10::ArrayRef<c10::Argument> arguments, std::size_t positional, const Kwargs& kwargs,
               std::string* failure) {
  for (const auto& [name, value] : kwargs) {
    const auto found =
        std::find_if(arguments.begin(), arguments.end(),
                     [&](const c10::Argument& argument) { return argument.name() == name; });
    if (found == arguments.end()) {
      if (failure) *failure = unknown_name(name, arguments);
      return false;
    }
    if (static_cast<std::size_t>(found - arguments.begin()) < positional) {
      if (failure) *failure = "argument '" + name + "' is given by position and by name";
      return false;
    }
  }
  return true;
}

}  // namespace

std::string signature_text(const c10::FunctionSchema& schema, Receiver receiver) {
  std::ostringstream out;
  out << operator_or_method(schema) << '(';
  bool keyword_only = false;
  const char* separator = "";
  for (const c10::Argument& argument : passed_arguments(schema, receiver)) {
    out << std::exchange(separator, ", ");
    if (argument.kwarg_only() && !std::exchange(keyword_only, true)) out << "*, ";
    out << argument.name() << ": " << argument.type()->annotation_str();
    if (argument.default_value()) out << " = " << *argument.default_value();
  }
  out << ')';
  separator = " -> ";
  for (const c10::Argument& result : schema.returns())
    out << std::exchange(separator, ", ") << result.type()->annotation_str();
  return out.str();
}

std::optional<std::vector<IValue>> try_bind(const c10::FunctionSchema& schema,
                                            const std::vector<IValue>& args, const Kwargs& kwargs,
                                            Receiver receiver, std::string* failure) {
  const c10::ArrayRef<c10::Argument> arguments = passed_arguments(schema, receiver);
  const auto positions = static_cast<std::size_t>(
      std::count_if(arguments.begin(), arguments.end(),
                    [](const c10::Argument& argument) { return !argument.kwarg_only(); }));
  if (args.size() > positions && !schema.is_vararg()) {
    if (failure)
      *failure = "takes " + std::to_string(positions) + " arguments by position, got " +
                 std::to_string(args.size());
    return std::nullopt;
  }
  if (!names_fit(arguments, args.size(), kwargs, failure)) return std::nullopt;

  std::vector<IValue> values;
  values.reserve(std::max(arguments.size(), args.size()));
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const c10::Argument& argument = arguments[i];
    const IValue* given = nullptr;
    if (i < args.size()) {
      given = &args[i];
    } else if (const auto named = kwargs.find(argument.name()); named != kwargs.end()) {
      given = &named->second;
    }
    if (given == nullptr) {
      if (!argument.default_value()) {
        if (failure)
          *failure =
              quoted(argument) + " is missing, wanted is " + argument.type()->annotation_str();
        return std::nullopt;
      }
      values.push_back(*argument.default_value());
      continue;
    }
    const std::optional<IValue> widened = widen(*given, argument);
    std::optional<IValue> value =
        Conversion(failure).run(widened ? *widened : *given, argument.type());
    if (!value) {
      if (failure) *failure = quoted(argument) + " " + *failure;
      return std::nullopt;
    }
    values.push_back(*std::move(value));
  }
  for (std::size_t i = arguments.size(); i < args.size(); ++i) values.push_back(args[i]);
  return values;
}

std::vector<IValue> bind_arguments(const c10::FunctionSchema& schema,
                                   const std::vector<IValue>& args, const Kwargs& kwargs,
                                   Receiver receiver) {
  if (auto values = try_bind(schema, args, kwargs, receiver)) return *std::move(values);
  std::string failure;
  try_bind(schema, args, kwargs, receiver, &failure);
  throw Error(Status::kInvalidArgument, schema.name() + ": " + failure + "; the signature is " +
                                            signature_text(schema, receiver));
}

}  // namespace oft
