#include "oft/config.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core_support.hpp"

namespace oft {
namespace {

OFTConfig user(const std::string& json) { return OFTConfig::from_json(json, ConfigSource::kUser); }

OFTConfig adapter(const std::string& json) {
  return OFTConfig::from_json(json, ConfigSource::kAdapterFile);
}

/// Parsing must fail with an Error of this status whose text has all the parts.
void expect_error(Status status, ConfigSource source, const std::string& json,
                  const std::vector<std::string>& parts) {
  SCOPED_TRACE(json);
  testing::expect_error(status, parts, [&] { OFTConfig::from_json(json, source); });
}

void expect_bad(const std::string& json, const std::vector<std::string>& parts) {
  expect_error(Status::kInvalidArgument, ConfigSource::kUser, json, parts);
}

void expect_warning(const OFTConfig& config, const std::string& part) {
  for (const std::string& warning : config.warnings) {
    if (warning.find(part) != std::string::npos) return;
  }
  ADD_FAILURE() << "no warning has \"" << part << "\"";
}

// ----------------------------------------------------------------------- defaults ----

TEST(ConfigDefaults, OfAUserAreOfts) {
  const OFTConfig config = user("{}");
  EXPECT_EQ(config.r, 8);
  EXPECT_EQ(config.oft_block_size, 0);
  EXPECT_FALSE(config.use_cayley_neumann);
  EXPECT_EQ(config.num_cayley_neumann_terms, 5);
  EXPECT_EQ(config.eps, 6e-5);
  EXPECT_EQ(config.peft_version, "0.21.0");
  EXPECT_TRUE(config.init_weights);
  EXPECT_TRUE(config.warnings.empty());
  EXPECT_EQ(config.to_json(), OFTConfig().to_json());
}

TEST(ConfigDefaults, OfAnAdapterFileArePefts) {
  const OFTConfig config =
      adapter(R"({"oft_block_size": 32, "peft_version": "0.21.0", "use_cayley_neumann": true})");
  EXPECT_EQ(config.r, 0);
  EXPECT_EQ(config.oft_block_size, 32);
  EXPECT_EQ(config.num_cayley_neumann_terms, 5);
  EXPECT_FALSE(config.has_legacy_neumann());
  EXPECT_TRUE(config.warnings.empty());
}

TEST(ConfigDefaults, OfAFileThatDoesNotNameItsFormulaAreNeumann) {
  const OFTConfig config = adapter(R"({"oft_block_size": 32, "peft_version": "0.18.0"})");
  EXPECT_TRUE(config.use_cayley_neumann);
  expect_warning(config, "use_cayley_neumann is missing");
}

TEST(ConfigDefaults, OfPeft014AreExact) {
  const std::string json = R"({"oft_block_size": 0, "rank_pattern": {}, "alpha_pattern": {}})";
  const OFTConfig config = OFTConfig::from_json(json, ConfigSource::kLegacyAdapterFile);
  EXPECT_EQ(config.r, 8);
  EXPECT_FALSE(config.use_cayley_neumann);
  EXPECT_TRUE(config.warnings.empty());
  const OFTConfig contrary = OFTConfig::from_json(
      R"({"oft_block_size": 0, "use_cayley_neumann": true})", ConfigSource::kLegacyAdapterFile);
  EXPECT_FALSE(contrary.use_cayley_neumann);
  expect_warning(contrary, "knew only the exact Cayley transform");
}

TEST(ConfigDefaults, OneOfRAndBlockSizeClearsTheOther) {
  EXPECT_EQ(user(R"({"r": 4})").oft_block_size, 0);
  const OFTConfig by_size = user(R"({"oft_block_size": 16})");
  EXPECT_EQ(by_size.r, 0);
  EXPECT_EQ(by_size.oft_block_size, 16);
  const OFTConfig with_null = user(R"({"r": null, "oft_block_size": 16})");
  EXPECT_EQ(with_null.r, 0);
  EXPECT_EQ(with_null.oft_block_size, 16);
  EXPECT_EQ(user(R"({"r": 4, "oft_block_size": null})").r, 4);
  EXPECT_EQ(user(R"({"oft_block_size": 0})").r, 8);
  EXPECT_EQ(adapter(R"({"r": 2, "oft_block_size": 0, "use_cayley_neumann": false})").r, 2);
}

// ------------------------------------------------------------------------ version ----

TEST(ConfigVersion, DecidesTheNeumannSeries) {
  const auto is_legacy = [](const std::string& version) {
    OFTConfig config;
    config.peft_version = version;
    return config.has_legacy_neumann();
  };
  for (const char* version : {"0.16.0", "0.17.1", "0.17.99", "0.18.0.dev0", "0.18.0rc1", "0.18",
                              "0.18.0a1.post2", "0.18.0.dev0@abc123", "v0.9", "0.17.0+cu12", "0"}) {
    EXPECT_EQ(is_legacy(version), std::string(version) != "0.18") << version;
  }
  for (const char* version : {"0.16.0", "0.17.1", "0.17.99", "0.18.0.dev0", "0.18.0rc1", "v0.9",
                              "0", "0.18.0a1.post2", "0.18.0.dev0@abc123", "0.17.0+cu12"}) {
    EXPECT_TRUE(is_legacy(version)) << version;
  }
  for (const char* version :
       {"0.18", "0.18.0", "0.18.0.0", "0.18.1", "0.21.0", "1", "1!0.1", "0.22.0.dev0@UNKNOWN",
        "0.18.0.post1.dev2", "0.18.0-1", " 0.18.0+local.1 ", "99999999999999999999.0"}) {
    EXPECT_FALSE(is_legacy(version)) << version;
  }
  OFTConfig unknown;
  unknown.peft_version.reset();
  EXPECT_TRUE(unknown.has_legacy_neumann());
}

TEST(ConfigVersion, MustBeAVersion) {
  for (const char* version : {"", "latest", "0.18.", "0..18", "0.18.0-", "@abc", "0.18.0 beta x"}) {
    expect_bad(R"({"peft_version": ")" + std::string(version) + "\"}",
               {"peft_version is \"" + std::string(version) + "\"", "0.21.0"});
  }
}

TEST(ConfigVersion, OfAnOldNeumannFileIsNotUpgraded) {
  const OFTConfig config = adapter(R"({"oft_block_size": 4, "use_cayley_neumann": true})");
  EXPECT_EQ(config.peft_version, std::nullopt);
  EXPECT_TRUE(config.has_legacy_neumann());
  expect_warning(config, "PEFT before 0.18");
  EXPECT_EQ(config.to_json().find("peft_version"), std::string::npos);
  EXPECT_TRUE(adapter(config.to_json()).has_legacy_neumann());
}

// --------------------------------------------------------------------- bad values ----

TEST(ConfigErrors, NameFieldValueAndRemedy) {
  expect_bad(R"({"r": -1})", {"r is -1; ", "1 or more"});
  expect_bad(R"({"r": 8.0})", {"r is 8.0; ", "integer"});
  expect_bad(R"({"r": true})", {"r is true; "});
  expect_bad(R"({"r": "8"})", {"r is \"8\"; ", "without quotes"});
  expect_bad(R"({"r": 9223372036854775808})", {"r is 9223372036854775808; "});
  expect_bad(R"({"r": 2, "oft_block_size": 4})", {"r is 2; oft_block_size is 4", "set one to 0"});
  expect_bad(R"({"r": 0})", {"oft_block_size is 0 too"});
  expect_bad(R"({"r": 0, "oft_block_size": 0})", {"oft_block_size is 0 too"});
  expect_bad(R"({"oft_block_size": -2})", {"oft_block_size is -2; "});
  expect_bad(R"({"eps": "0.1"})", {"eps is \"0.1\"; ", "without quotes"});
  expect_bad(R"({"eps": -1e-5})", {"eps is -1e-05; ", "above 0"});
  expect_bad(R"({"coft": true, "eps": 0})", {"eps is 0.0; ", "set coft to false"});
  expect_bad(R"({"coft": 1})", {"coft is 1; ", "true or false"});
  expect_bad(R"({"module_dropout": 5})", {"module_dropout is 5.0; ", "0 to 1"});
  expect_bad(R"({"module_dropout": -0.1})", {"module_dropout is -0.1; "});
  expect_bad(R"({"num_cayley_neumann_terms": -1})", {"num_cayley_neumann_terms is -1; "});
  expect_bad(R"({"use_cayley_neumann": null})", {"use_cayley_neumann is null; "});
  expect_bad(R"({"bias": "lora_only"})", {"bias is \"lora_only\"; ", "\"oft_only\""});
  expect_bad(R"({"bias": null})", {"bias is null; "});
  expect_bad(R"({"task_type": "seq_cls"})", {"task_type is \"seq_cls\"; ", "\"SEQ_CLS\""});
  expect_bad(R"({"task_type": 1})", {"task_type is 1; "});
  expect_bad(R"({"init_weights": 1})", {"init_weights is 1; ", "true or false"});
  expect_bad(R"({"target_modules": ["q", 1]})", {"target_modules is [\"q\",1]; "});
  expect_bad(R"({"target_modules": {"q": 1}})", {"target_modules is {"});
  expect_bad(R"({"modules_to_save": "head"})",
             {"modules_to_save is \"head\"; ", "[\"classifier\"]"});
  expect_bad(R"({"layers_to_transform": "1"})", {"layers_to_transform is \"1\"; "});
  expect_bad(R"({"layers_to_transform": [0, -1]})", {"layers_to_transform is -1; ", "from 0"});
  expect_bad(R"({"layers_to_transform": [0, true]})", {"layers_to_transform is true; "});
  expect_bad(R"({"layers_pattern": "h"})", {"layers_pattern is \"h\"; ", "layers_to_transform"});
  expect_bad(R"({"layers_pattern": ["h"]})", {"layers_pattern is [\"h\"]; "});
  expect_bad(R"({"auto_mapping": [1]})", {"auto_mapping is [1]; "});
  expect_bad(R"({"rank_pattern": {"q": 0}})", {"rank_pattern is 0; \"q\" must"});
  expect_bad(R"({"rank_pattern": {"q": 1.5}})", {"rank_pattern is 1.5; "});
  expect_bad(R"({"rank_pattern": ["q"]})", {"rank_pattern is [\"q\"]; "});
  expect_bad(R"({"alpha_pattern": {"q": "1"}})", {"alpha_pattern is \"1\"; "});
  expect_bad(R"({"target_modules": [")" + std::string(200, 'x') + "\", 3]}", {"xxx...; "});
}

TEST(ConfigErrors, OfAStructAreFoundToo) {
  const auto expect_invalid = [](const OFTConfig& config, const std::string& part) {
    testing::expect_error(Status::kInvalidArgument, {part}, [&] { config.to_json(); });
  };
  OFTConfig config;
  config.eps = std::numeric_limits<double>::quiet_NaN();
  expect_invalid(config, "eps is NaN; ");
  config.eps = std::numeric_limits<double>::infinity();
  expect_invalid(config, "eps is Infinity; ");
  config = {};
  config.alpha_pattern = {{"q", std::nan("")}};
  expect_invalid(config, "alpha_pattern is NaN; ");
  config = {};
  config.revision = "\xff";
  expect_invalid(config, "is not UTF-8");
  config = {};
  config.unknown_keys = R"({"r": 4})";
  expect_invalid(config, "oft knows this field");
  config.unknown_keys = "[4]";
  expect_invalid(config, "must be an object");
}

TEST(ConfigErrors, TellOtherAdaptersApart) {
  const auto unsupported = [](const std::string& json, const std::string& part) {
    expect_error(Status::kUnsupported, ConfigSource::kAdapterFile, json, {part});
  };
  unsupported(R"({"peft_type": "LORA", "r": 8})", "peft_type is \"LORA\"");
  unsupported(R"({"peft_type": null, "oft_block_size": 4})", "peft_type is null");
  unsupported(R"({"peft_type": "OFT", "r": 8})", "PEFT 0.13 or older");
  EXPECT_EQ(user(R"({"peft_type": "OFT"})").r, 8);
}

TEST(ConfigErrors, OfJsonTellThePlace) {
  const auto malformed = [](const std::string& json, const std::vector<std::string>& parts) {
    expect_error(Status::kParse, ConfigSource::kUser, json, parts);
  };
  malformed("", {"line 1, column 1", "unexpected end of input"});
  malformed("{\"r\": 8,\n}", {"line 2, column 1"});
  malformed(R"({"r": 8} x)", {"malformed JSON"});
  malformed("{\"r\": 8}" + std::string("\0x", 2), {"NUL byte at offset 8"});
  malformed(R"({"eps": NaN})", {"NaN and Infinity are not JSON"});
  malformed(R"({"eps": Infinity})", {"NaN and Infinity are not JSON"});
  malformed(R"({"eps": -Infinity})", {"NaN and Infinity are not JSON"});
  malformed(R"({"eps": 1e999})", {"number overflow"});
  malformed(R"({"x": 99999999999999999999})", {"99999999999999999999 is too big"});
  malformed(R"({"r": 8, "r": 4})", {"\"r\" occurs twice"});
  malformed(R"({"x": [{"a": 1, "a": 2}]})", {"\"a\" occurs twice"});
  malformed("{\"revision\": \"\xff\"}", {"UTF-8"});
  malformed("{\"revision\": \"\xed\xa0\x80\"}", {"UTF-8"});
  malformed(R"({"revision": "\ud800"})", {"surrogate"});
  malformed("{\"x\": " + std::string(100, '[') + std::string(100, ']') + "}", {"64 levels"});
  malformed(R"([])", {"must be an object"});
}

// ----------------------------------------------------------------------- warnings ----

TEST(ConfigWarnings, TellWhatIsUnlikelyToBeMeant) {
  expect_warning(user(R"({"use_cayley_neumann": true, "num_cayley_neumann_terms": 1})"),
                 "num_cayley_neumann_terms is 1");
  expect_warning(user(R"({"rank_pattern": {"q": 2}})"), "rank_pattern");
  expect_warning(user(R"({"alpha_pattern": {"q": 2}})"), "without effect");
  EXPECT_TRUE(user(R"({"num_cayley_neumann_terms": 0})").warnings.empty());
}

TEST(ConfigWarnings, NameUnknownKeysSortedAndKeepThem) {
  const OFTConfig config =
      user(R"({"zeta": {"b": [1, 2.5], "a": null}, "r": 4, "Alpha": "é", "runtime_config": 1})");
  ASSERT_EQ(config.warnings.size(), 2U);
  expect_warning(config, "\"Alpha\", \"zeta\"");
  expect_warning(config, "runtime_config");
  EXPECT_EQ(config.unknown_keys, R"({"zeta":{"b":[1,2.5],"a":null},"Alpha":"é"})");
  EXPECT_EQ(user(config.to_json()).to_json(), config.to_json());
  EXPECT_EQ(config.to_json().find("runtime_config"), std::string::npos);
}

// ---------------------------------------------------------------------- JSON text ----

/// Python: json.dumps(fields, indent=2, sort_keys=True), the way PEFT writes them.
TEST(ConfigJson, IsThatOfPython) {
  const OFTConfig config = user(R"({
    "zz": {"b": 1, "a": [], "c": {}}, "auto_mapping": {"parent_library": "x.y", "base_model_class": "M"},
    "base_model_name_or_path": "caf\u00e9/\ud83d\ude00 \"q\"\\\n\u007f", "r": 4, "oft_block_size": 0,
    "target_modules": ["q", "v"], "layers_to_transform": [0, 1], "modules_to_save": [],
    "exclude_modules": ".*\\.x", "rank_pattern": {"z": 2, "a": 3}, "alpha_pattern": {"q": 16},
    "task_type": "CAUSAL_LM", "coft": true, "eps": 1e-06, "module_dropout": 0.1, "inference_mode": true})");
  EXPECT_EQ(config.to_json(), R"({
  "alpha_pattern": {
    "q": 16.0
  },
  "auto_mapping": {
    "base_model_class": "M",
    "parent_library": "x.y"
  },
  "base_model_name_or_path": "caf\u00e9/\ud83d\ude00 \"q\"\\\n\u007f",
  "bias": "none",
  "block_share": false,
  "coft": true,
  "eps": 1e-06,
  "exclude_modules": ".*\\.x",
  "fan_in_fan_out": false,
  "inference_mode": true,
  "init_weights": true,
  "layers_pattern": null,
  "layers_to_transform": [
    0,
    1
  ],
  "module_dropout": 0.1,
  "modules_to_save": [],
  "num_cayley_neumann_terms": 5,
  "oft_block_size": 0,
  "peft_type": "OFT",
  "peft_version": "0.21.0",
  "r": 4,
  "rank_pattern": {
    "z": 2,
    "a": 3
  },
  "revision": null,
  "target_modules": [
    "q",
    "v"
  ],
  "task_type": "CAUSAL_LM",
  "use_cayley_neumann": false,
  "zz": {
    "a": [],
    "b": 1,
    "c": {}
  }
})");
  EXPECT_EQ(user(config.to_json()).to_json(), config.to_json());
}

TEST(ConfigJson, WritesFloatsAsPythonsRepr) {
  const auto eps_text = [](double eps) {
    OFTConfig config;
    config.eps = eps;
    const std::string json = config.to_json();
    const std::size_t start = json.find("\"eps\": ") + 7;
    return json.substr(start, json.find(',', start) - start);
  };
  const std::vector<std::pair<double, std::string>> cases = {
      {6e-5, "6e-05"},
      {0.1, "0.1"},
      {1e-6, "1e-06"},
      {1e-4, "0.0001"},
      {0.00012345, "0.00012345"},
      {9.999999e-5, "9.999999e-05"},
      {1.0, "1.0"},
      {100.0, "100.0"},
      {123456.789, "123456.789"},
      {1e15, "1000000000000000.0"},
      {1234567890123456.0, "1234567890123456.0"},
      {9999999999999998.0, "9999999999999998.0"},
      {1e16, "1e+16"},
      {1.5e22, "1.5e+22"},
      {1e100, "1e+100"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {5e-324, "5e-324"},
      {2.2250738585072014e-308, "2.2250738585072014e-308"},
      {1.0 / 3, "0.3333333333333333"},
      {2.0 / 3, "0.6666666666666666"},
      {0.1 + 0.2, "0.30000000000000004"},
      {5e-2, "0.05"},
      {9.5367431640625e-07, "9.5367431640625e-07"},
      {4.35, "4.35"},
      {0.0, "0.0"},
  };
  for (const auto& [value, text] : cases) EXPECT_EQ(eps_text(value), text);
}

// --------------------------------------------------------------------- block size ----

TEST(ResolveBlockSize, FollowsPeft) {
  const auto by_size = [](std::int64_t features, std::int64_t block_size) {
    OFTConfig config;
    config.r = 0;
    config.oft_block_size = block_size;
    return resolve_block_size(config, features);
  };
  EXPECT_EQ(by_size(64, 32), 32);
  EXPECT_EQ(by_size(10, 4), 5);
  EXPECT_EQ(by_size(10, 3), 2);  // a tie goes down
  EXPECT_EQ(by_size(12, 9), 6);
  EXPECT_EQ(by_size(64, 50), 64);
  EXPECT_EQ(by_size(100, 32), 25);
  EXPECT_EQ(by_size(7, 4), 1);
  EXPECT_EQ(by_size(8, 32), 8);
  EXPECT_EQ(by_size(1, 1), 1);

  const auto by_blocks = [](std::int64_t features, std::int64_t r) {
    OFTConfig config;
    config.r = r;
    return resolve_block_size(config, features);
  };
  EXPECT_EQ(by_blocks(64, 8), 8);
  EXPECT_EQ(by_blocks(10, 4), 2);
  EXPECT_EQ(by_blocks(10, 3), 5);
  EXPECT_EQ(by_blocks(7, 4), 7);
  EXPECT_EQ(by_blocks(8, 32), 1);
}

TEST(ResolveBlockSize, TakesARequestedNumberInsteadOfTheConfigs) {
  OFTConfig config;
  EXPECT_EQ(resolve_block_size(config, 64, 2), 32);
  config.r = 0;
  config.oft_block_size = 4;
  EXPECT_EQ(resolve_block_size(config, 64, 2), 2);
  EXPECT_EQ(resolve_block_size(config, 64, 48), 32);
}

TEST(ResolveBlockSize, RefusesWhatIsNotPositive) {
  OFTConfig config;
  EXPECT_THROW(resolve_block_size(config, 0), Error);
  EXPECT_THROW(resolve_block_size(config, 64, 0), Error);
  config.r = 0;
  EXPECT_THROW(resolve_block_size(config, 64), Error);
}

}  // namespace
}  // namespace oft
