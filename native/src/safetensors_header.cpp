#include "safetensors_header.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "json_text.hpp"
#include "oft/error.hpp"

namespace oft {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr std::size_t kMaxRank = 64;

/// Turns parser events into entries, without a tree of the whole header in between:
/// {"__metadata__": {key: text}, name: {"dtype": text, "shape": [n], "data_offsets": [n, n]}}.
class HeaderBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderBuilder(const std::string& file) : file_(file) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    if (place_ == Place::kStart) {
      place_ = Place::kTensors;
    } else if (place_ == Place::kTensors && key_ == kMetadataKey) {
      place_ = Place::kMetadata;
    } else if (place_ == Place::kTensors) {
      place_ = Place::kEntry;
      entry_ = Entry{};
    } else {
      fail_value("an object");
    }
    return true;
  }

  bool key(string_t& name) override {
    if (place_ == Place::kEntry) {
      field_ = name;
      return true;
    }
    auto& seen = place_ == Place::kMetadata ? metadata_keys_ : names_;
    if (!seen.insert(name).second) fail("the key " + quote(name) + " occurs twice");
    if (name.empty() && place_ == Place::kTensors) fail("a tensor has no name");
    key_ = name;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::kEntry) finish_entry();
    place_ = Place::kTensors;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::kEntry && field_ == "shape" && !entry_.shape) {
      place_ = Place::kShape;
      entry_.shape.emplace();
    } else if (place_ == Place::kEntry && field_ == "data_offsets" && !entry_.offsets) {
      place_ = Place::kOffsets;
      entry_.offsets.emplace();
    } else {
      fail_value("a list");
    }
    return true;
  }

  bool end_array() override {
    place_ = Place::kEntry;
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::kMetadata) {
      header_.metadata.emplace(key_, std::move(value));
    } else if (place_ == Place::kEntry && field_ == "dtype" && !entry_.dtype) {
      entry_.dtype = parse_dtype(value);
      if (!entry_.dtype) fail_dtype(value);
    } else {
      fail_value("the text " + quote(value));
    }
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::kShape && entry_.shape->size() < kMaxRank &&
        value <= std::numeric_limits<std::int64_t>::max()) {
      entry_.shape->push_back(static_cast<std::int64_t>(value));
    } else if (place_ == Place::kOffsets && entry_.offsets->size() < 2) {
      entry_.offsets->push_back(value);
    } else {
      fail_value(std::to_string(value));
    }
    return true;
  }

  bool number_integer(number_integer_t value) override { fail_value(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { fail_value(text); }
  bool boolean(bool value) override { fail_value(value ? "true" : "false"); }
  bool null() override { fail_value("null"); }
  bool binary(binary_t&) override { return false; }

  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::json::exception& exception) override {
    fail("the header is not valid JSON: " + parse_failure(exception));
  }

 private:
  enum class Place { kStart, kTensors, kMetadata, kEntry, kShape, kOffsets };

  struct Entry {
    std::optional<SafetensorsDType> dtype;
    std::optional<std::vector<std::int64_t>> shape;
    std::optional<std::vector<std::uint64_t>> offsets;
  };

  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(Status::kParse, file_ + ": " + problem);
  }

  [[noreturn]] void fail_tensor(const std::string& problem) const {
    fail("tensor " + quote(key_) + ": " + problem);
  }

  /// Something stands where it does not belong.
  [[noreturn]] void fail_value(const std::string& value) const {
    switch (place_) {
      case Place::kStart:
        fail("the header is " + value + ", not an object");
      case Place::kTensors:
        fail_tensor("its entry is " + value + ", not an object");
      case Place::kMetadata:
        fail("__metadata__: " + quote(key_) + " is " + value + ", not a text");
      default:
        fail_tensor("unexpected " + value + " in " + quote(field_) +
                    "; an entry has dtype, shape (of at most " + std::to_string(kMaxRank) +
                    " sizes >= 0) and data_offsets (two), each once");
    }
  }

  [[noreturn]] void fail_dtype(const std::string& name) const {
    if (name.starts_with("F4") || name.starts_with("F6")) {
      throw Error(Status::kUnsupported, file_ + ": tensor " + quote(key_) + ": dtype " +
                                            quote(name) + " is smaller than a byte, which oft " +
                                            "cannot read; convert the tensor to a larger dtype");
    }
    fail_tensor("unknown dtype " + quote(name));
  }

  void finish_entry() {
    if (!entry_.dtype) fail_tensor("dtype is missing");
    if (!entry_.shape) fail_tensor("shape is missing");
    if (!entry_.offsets || entry_.offsets->size() != 2) {
      fail_tensor("data_offsets must hold two numbers");
    }
    const std::uint64_t begin = entry_.offsets->at(0);
    const std::uint64_t end = entry_.offsets->at(1);
    const std::string span =
        "data_offsets [" + std::to_string(begin) + "," + std::to_string(end) + "]";
    if (begin > end) fail_tensor(span + " run backwards");
    const auto bytes = tensor_bytes(*entry_.dtype, *entry_.shape);
    const std::string kind = describe(*entry_.dtype, *entry_.shape);
    if (!bytes) fail_tensor(kind + " is larger than 64 bits can count");
    if (*bytes != end - begin) {
      fail_tensor(kind + " takes " + std::to_string(*bytes) + " bytes, but " + span + " hold " +
                  std::to_string(end - begin));
    }
    header_.entries.push_back({key_, *entry_.dtype, std::move(*entry_.shape), begin, end});
  }

  const std::string& file_;
  SafetensorsHeader header_;
  Place place_ = Place::kStart;
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> metadata_keys_;
  std::string key_;    // the tensor's name or the metadata's key
  std::string field_;  // dtype, shape, data_offsets
  Entry entry_;
};

/// Each byte of the data belongs to exactly one tensor.
void check_layout(const std::vector<SafetensorsEntry>& entries, std::uint64_t data_size,
                  const std::string& file) {
  const auto fail = [&](const std::string& problem) {
    throw Error(Status::kParse, file + ": " + problem);
  };
  std::uint64_t end = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin != end) {
      fail("tensor " + quote(entry.name) + " begins at byte " + std::to_string(entry.begin) +
           " of the data, the one before it ends at " + std::to_string(end) +
           (entry.begin < end ? ": they overlap" : ": the bytes between belong to no tensor"));
    }
    end = entry.end;
  }
  if (end > data_size) {
    fail("the tensors take " + std::to_string(end) + " bytes, but the file holds only " +
         std::to_string(data_size) + " of them: it is truncated, get it anew");
  }
  if (end < data_size) {
    fail("the tensors take " + std::to_string(end) + " bytes, but the file holds " +
         std::to_string(data_size) + ": the rest belongs to no tensor");
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, std::uint64_t data_size,
                                           const std::string& file) {
  if (!text.starts_with('{')) {
    throw Error(Status::kParse, file + ": the header does not begin with '{': not safetensors");
  }
  require_no_nul(text, file);
  HeaderBuilder builder(file);
  nlohmann::json::sax_parse(text, &builder);
  SafetensorsHeader header = builder.take();
  // Tensors without data may share an offset: they keep the order of the header.
  std::ranges::stable_sort(header.entries, {}, [](const SafetensorsEntry& entry) {
    return std::pair(entry.begin, entry.end);
  });
  check_layout(header.entries, data_size, file);
  return header;
}

std::string format_safetensors_header(const std::vector<SafetensorsEntry>& entries,
                                      const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  auto& members = header.get_ref<Json::object_t&>();
  if (!metadata.empty()) members.push_back({std::string(kMetadataKey), Json(metadata)});
  for (const SafetensorsEntry& entry : entries) {
    members.push_back({entry.name, Json{{"dtype", dtype_name(entry.dtype)},
                                        {"shape", entry.shape},
                                        {"data_offsets", {entry.begin, entry.end}}}});
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::type_error&) {
    throw Error(Status::kInvalidArgument, "a tensor's name or the metadata is not UTF-8");
  }
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t size = text.size();
  if (size > kMaxSafetensorsHeaderBytes) {
    throw Error(Status::kInvalidArgument,
                "the header would have " + std::to_string(size) + " bytes, more than the " +
                    std::to_string(kMaxSafetensorsHeaderBytes) +
                    " that safetensors allows; write the tensors to several files");
  }
  std::array<char, kSafetensorsPrefixBytes> prefix;
  std::memcpy(prefix.data(), &size, prefix.size());
  return std::string(prefix.begin(), prefix.end()) + text;
}

}  // namespace oft
