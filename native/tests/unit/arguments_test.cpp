#include "src/arguments.hpp"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/jit/frontend/function_schema_parser.h>

#include "support.hpp"

namespace oft {
namespace {

using namespace testing;
using c10::IValue;
using c10::ivalue::Tuple;

c10::FunctionSchema schema(const std::string& text) { return torch::jit::parseSchema(text); }

/// A list as callers make them, of no element type in particular.
IValue any_list(const std::vector<IValue>& items) {
  c10::impl::GenericList list(c10::AnyType::get());
  for (const IValue& item : items) list.push_back(item);
  return list;
}

IValue any_dict(const std::vector<std::pair<IValue, IValue>>& items) {
  c10::impl::GenericDict dict(c10::StringType::get(), c10::AnyType::get());
  for (const auto& [key, value] : items) dict.insert(key, value);
  return dict;
}

std::vector<IValue> bind(const std::string& signature, std::vector<IValue> args,
                         const Kwargs& kwargs = {}) {
  return bind_arguments(schema(signature), std::move(args), kwargs, Receiver::kNone);
}

/// The one argument of a signature made of one value.
IValue convert(const std::string& type, const IValue& value) {
  return bind("f(" + type + " x) -> ()", {value}).at(0);
}

std::string refusal(const std::string& type, const IValue& value) {
  return error_of(Status::kInvalidArgument, [&] { convert(type, value); });
}

TEST(Arguments, TakeTheirPlaceByPositionAndName) {
  const std::string signature = "f(int a, int b=7, *, int c=8) -> ()";
  EXPECT_EQ(bind(signature, {1}), (std::vector<IValue>{1, 7, 8}));
  EXPECT_EQ(bind(signature, {1, 2}, {{"c", 3}}), (std::vector<IValue>{1, 2, 3}));
  EXPECT_EQ(bind(signature, {}, {{"b", 2}, {"a", 1}}), (std::vector<IValue>{1, 2, 8}));
}

TEST(Arguments, ThatDoNotFitASignatureAreNamed) {
  const std::string signature = "f(int size, int b=7, *, int c=8) -> ()";
  const std::string shown = "f(size: int, b: int = 7, *, c: int = 8)";
  expect_error(Status::kInvalidArgument, {"f: ", "'size'", "missing", "int", shown},
               [&] { bind(signature, {}); });
  expect_error(Status::kInvalidArgument, {"2 arguments by position", "got 3", shown}, [&] {
    bind(signature, {1, 2, 3});
  });
  expect_error(Status::kInvalidArgument, {"no argument 'sise'", "'size'"}, [&] {
    bind(signature, {}, {{"sise", 1}});
  });
  expect_error(Status::kInvalidArgument, {"'size'", "by position and by name"}, [&] {
    bind(signature, {1}, {{"size", 1}});
  });
}

TEST(Arguments, OfAMethodLeaveItsObjectOut) {
  const c10::FunctionSchema method = schema("forward(int self, int x, int y=1) -> int");
  EXPECT_EQ(bind_arguments(method, {5}, {}, Receiver::kSelf), (std::vector<IValue>{5, 1}));
  EXPECT_EQ(signature_text(method, Receiver::kSelf), "forward(x: int, y: int = 1) -> int");
  expect_error(Status::kInvalidArgument, {"takes 2 arguments", "got 3"}, [&] {
    bind_arguments(method, {1, 2, 3}, {}, Receiver::kSelf);
  });
}

TEST(Arguments, ConvertOnlyWithoutLoss) {
  EXPECT_EQ(convert("float", 3), IValue(3.0));
  EXPECT_EQ(convert("float", 2.5), IValue(2.5));
  EXPECT_EQ(convert("bool", true), IValue(true));
  EXPECT_EQ(convert("str", "text"), IValue("text"));
  EXPECT_EQ(convert("Scalar", 3), IValue(3));
  EXPECT_EQ(convert("Device", "cpu").toDevice(), c10::Device("cpu"));
  EXPECT_TRUE(convert("Tensor?", IValue()).isNone());
  EXPECT_TRUE(convert("Tensor?", at::ones({2})).isTensor());
  expect_contains(refusal("int", 2.5), {"'x' is the float 2.5", "wanted is int"});
  expect_contains(refusal("int", true), {"is True"});
  expect_contains(refusal("float", "2"), {"the text \"2\"", "float"});
  expect_contains(refusal("Tensor", IValue()), {"None", "Tensor"});
  expect_contains(refusal("int", at::ones({2, 3})), {"a float32 tensor [2, 3]"});
  expect_contains(refusal("Device", "gpu"), {"\"gpu\"", "cuda:0"});
}

TEST(Arguments, MakeTypedLists) {
  const at::Tensor tensor = at::ones({2});
  EXPECT_EQ(convert("int[]", any_list({1, 2})).toIntVector(), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(convert("float[]", any_list({1, 2.5})).toDoubleVector(), (std::vector<double>{1, 2.5}));
  EXPECT_TRUE(convert("Tensor[]", any_list({tensor})).isTensorList());
  EXPECT_TRUE(convert("Tensor[]", Tuple::create({tensor, tensor})).isTensorList());
  EXPECT_TRUE(convert("int[]", any_list({})).isIntList());
  EXPECT_TRUE(convert("int[]?", IValue()).isNone());
  EXPECT_TRUE(convert("Tensor?[]", any_list({tensor, IValue()})).isList());
  EXPECT_EQ(
      convert("int[][]", any_list({any_list({1}), any_list({2, 3})})).toListRef()[1].toIntVector(),
      (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(convert("int[3]", 5).toIntVector(), (std::vector<std::int64_t>{5, 5, 5}));
  expect_contains(refusal("int[]", any_list({1, "b"})), {"item 1 is the text \"b\"", "int"});
  expect_contains(refusal("Tensor[]", tensor), {"a float32 tensor [2]", "List[Tensor]"});
}

TEST(Arguments, MakeTuplesAndDictionaries) {
  const IValue pair = convert("(float, Tensor?)", any_list({1, IValue()}));
  EXPECT_EQ(pair.toTupleRef().elements()[0], IValue(1.0));
  const IValue dict = convert("Dict(str, float)", any_dict({{"a", 1}, {"b", 2.5}}));
  EXPECT_EQ(dict.type()->annotation_str(), "Dict[str, float]");
  EXPECT_EQ(dict.toGenericDict().at("a"), IValue(1.0));
  expect_contains(refusal("(int, int)", any_list({1})), {"a list of 1", "Tuple[int, int]"});
  expect_contains(refusal("Dict(str, int)", any_dict({{"a", 2.5}})),
                  {"item of the text \"a\"", "2.5"});
  expect_contains(refusal("Dict(int, int)", any_dict({{"a", 2}})), {"a key is the text \"a\""});
}

TEST(Arguments, NameDtypes) {
  const c10::FunctionSchema& softmax =
      c10::Dispatcher::singleton().findSchemaOrThrow("aten::softmax", "int").schema();
  const auto bound = try_bind(softmax, {at::ones({2}), 0}, {{"dtype", "float64"}}, Receiver::kNone);
  ASSERT_TRUE(bound);
  EXPECT_EQ((*bound)[2].toScalarType(), at::kDouble);
  const Kwargs unknown{{"dtype", "real"}};
  EXPECT_FALSE(try_bind(softmax, {at::ones({2}), 0}, unknown, Receiver::kNone));
  std::string failure;
  EXPECT_FALSE(try_bind(softmax, {at::ones({2}), 0}, unknown, Receiver::kNone, &failure));
  EXPECT_EQ(failure, "argument 'dtype' is the text \"real\", wanted is int");
}

TEST(Arguments, OfACallAreNotThoseOfTheCaller) {
  const IValue given = any_dict({{"a", 1}});
  convert("Dict(str, int)", given).toGenericDict().insert("b", 2);
  EXPECT_EQ(given.toGenericDict().size(), 1U);
}

}  // namespace
}  // namespace oft
