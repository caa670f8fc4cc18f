#include "src/json_text.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "core_support.hpp"

namespace oft {
namespace {

using testing::expect_error;

TEST(JsonText, KeepsTheOrderOfKeysAndEveryNumber) {
  const std::string text = R"({
  "b": [
    9223372036854775807,
    -9223372036854775808,
    18446744073709551615,
    6e-05,
    -0.0
  ],
  "a": {},
  "c": null
})";
  EXPECT_EQ(dump_like_python(parse_json(text, "text")), text);
}

/// Python writes infinite floats into config.json, though JSON has none.
TEST(JsonText, ReadsAndWritesPythonsNonFiniteNumbersWhereAsked) {
  const std::string text = R"({
  "limit": [
    0.0,
    Infinity,
    -Infinity,
    NaN
  ],
  "\"Infinity": "NaN \\"
})";
  const Json value = parse_json(text, "text", NonFinite::kAccept);
  EXPECT_EQ(value["limit"][1], HUGE_VAL);
  EXPECT_TRUE(std::isnan(value["limit"][3].get<double>()));
  EXPECT_EQ(dump_like_python(value), text);
  expect_error(Status::kParse, {"text: malformed JSON", "NaN and Infinity are not JSON"},
               [&] { parse_json(text, "text"); });
  for (const char* malformed : {"[Infinit]", "[NaN5]", "[1NaN]", "[-NaN]", "[NaN NaN]"}) {
    SCOPED_TRACE(malformed);
    expect_error(Status::kParse, {"malformed JSON"},
                 [&] { parse_json(malformed, "text", NonFinite::kAccept); });
  }
}

}  // namespace
}  // namespace oft
