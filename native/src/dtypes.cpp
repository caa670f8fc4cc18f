#include "dtypes.hpp"

#include <array>

#include "oft/error.hpp"

namespace oft {
namespace {

struct Row {
  SafetensorsDType stored;
  c10::ScalarType type;
  const char* torch_name;
};

constexpr std::array kTypes{
    Row{SafetensorsDType::kF32, c10::kFloat, "float32"},
    Row{SafetensorsDType::kF64, c10::kDouble, "float64"},
    Row{SafetensorsDType::kF16, c10::kHalf, "float16"},
    Row{SafetensorsDType::kBF16, c10::kBFloat16, "bfloat16"},
    Row{SafetensorsDType::kI64, c10::kLong, "int64"},
    Row{SafetensorsDType::kI32, c10::kInt, "int32"},
    Row{SafetensorsDType::kI16, c10::kShort, "int16"},
    Row{SafetensorsDType::kI8, c10::kChar, "int8"},
    Row{SafetensorsDType::kU8, c10::kByte, "uint8"},
    Row{SafetensorsDType::kU16, c10::kUInt16, "uint16"},
    Row{SafetensorsDType::kU32, c10::kUInt32, "uint32"},
    Row{SafetensorsDType::kU64, c10::kUInt64, "uint64"},
    Row{SafetensorsDType::kBool, c10::kBool, "bool"},
    Row{SafetensorsDType::kF8E5M2, c10::kFloat8_e5m2, "float8_e5m2"},
    Row{SafetensorsDType::kF8E4M3, c10::kFloat8_e4m3fn, "float8_e4m3fn"},
    Row{SafetensorsDType::kF8E8M0, c10::kFloat8_e8m0fnu, "float8_e8m0fnu"},
    Row{SafetensorsDType::kF8E4M3FNUZ, c10::kFloat8_e4m3fnuz, "float8_e4m3fnuz"},
    Row{SafetensorsDType::kF8E5M2FNUZ, c10::kFloat8_e5m2fnuz, "float8_e5m2fnuz"},
    Row{SafetensorsDType::kC64, c10::kComplexFloat, "complex64"},
};

}  // namespace

c10::ScalarType scalar_type(SafetensorsDType dtype, const std::string& what) {
  for (const Row& row : kTypes)
    if (row.stored == dtype) return row.type;
  throw Error(Status::kUnsupported,
              what + ": libtorch has no type for " + std::string(dtype_name(dtype)));
}

SafetensorsDType safetensors_dtype(c10::ScalarType type, const std::string& what) {
  for (const Row& row : kTypes)
    if (row.type == type) return row.stored;
  throw Error(Status::kUnsupported, what + ": safetensors has no type for " + c10::toString(type));
}

bool is_rotatable(c10::ScalarType type) {
  return type == c10::kFloat || type == c10::kDouble || type == c10::kHalf ||
         type == c10::kBFloat16;
}

std::string torch_name(c10::ScalarType type) {
  for (const Row& row : kTypes)
    if (row.type == type) return row.torch_name;
  return c10::toString(type);
}

std::optional<c10::ScalarType> floating_type(std::string_view torch_name) {
  for (const Row& row : kTypes)
    if (row.torch_name == torch_name && is_rotatable(row.type)) return row.type;
  return std::nullopt;
}

}  // namespace oft
