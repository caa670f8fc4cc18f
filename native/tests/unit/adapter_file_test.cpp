#include "oft/adapter_file.hpp"

#include "support.hpp"

namespace oft {
namespace {

using namespace testing;

constexpr const char* kConfig = R"({"peft_type": "OFT", "peft_version": "0.21.0", "r": 0,
  "oft_block_size": 4, "target_modules": ["fc"], "use_cayley_neumann": false%s})";

void write_adapter(const fs::path& folder, const std::map<std::string, at::Tensor>& tensors,
                   const std::string& more = "") {
  fs::create_directories(folder);
  std::string config = kConfig;
  config.replace(config.find("%s"), 2, more);
  std::ofstream(folder / "adapter_config.json") << config;
  write_tensors(folder / "adapter_model.safetensors", tensors);
}

std::set<std::string> keys_of(const fs::path& folder) {
  const SafetensorsFile file = SafetensorsFile::open(folder / "adapter_model.safetensors");
  std::set<std::string> keys;
  for (const SafetensorsEntry& entry : file.entries()) keys.insert(entry.name);
  return keys;
}

TEST(AdapterFile, ReadsEveryFolderThatPeftWrote) {
  const json document = read_json(data_dir() / "adapters.json");
  int read = 0;
  for (const json& item : document["adapters"]) {
    SCOPED_TRACE(item["name"].get<std::string>());
    const AdapterFile adapter = AdapterFile::load(data_dir() / item["adapter"]);
    EXPECT_FALSE(adapter.layers.empty());
    EXPECT_TRUE(adapter.unused_keys.empty());
    if (item.contains("peft")) {
      EXPECT_EQ(adapter.maker().rfind("PEFT 0.1", 0), 0U) << adapter.maker();
    } else {
      EXPECT_EQ(adapter.maker(), "PEFT 0.21.0");
    }
    ++read;
  }
  EXPECT_GE(read, 20);
}

TEST(AdapterFile, PickledEqualsSafetensors) {
  const AdapterFile pickled = AdapterFile::load(data_dir() / "adapters/pickled");
  const AdapterFile exact = AdapterFile::load(data_dir() / "adapters/exact");
  ASSERT_EQ(pickled.layers.size(), exact.layers.size());
  for (std::size_t i = 0; i < exact.layers.size(); ++i) {
    EXPECT_EQ(pickled.layers[i].name, exact.layers[i].name);
    EXPECT_TRUE(pickled.layers[i].factors.front().q.equal(exact.layers[i].factors.front().q));
  }
}

TEST(AdapterFile, SavedFolderReadsBackEqual) {
  const TemporaryFolder folder;
  for (const char* name : {"exact", "modules-to-save", "embedding-saved", "shared", "bias-all",
                           "bias-oft-only", "embedding"}) {
    SCOPED_TRACE(name);
    const AdapterFile original = AdapterFile::load(data_dir() / "adapters" / name);
    original.save(folder / name);
    const AdapterFile copy = AdapterFile::load(folder / name);
    ASSERT_EQ(copy.layers.size(), original.layers.size());
    for (std::size_t i = 0; i < copy.layers.size(); ++i) {
      EXPECT_EQ(copy.layers[i].name, original.layers[i].name);
      EXPECT_EQ(copy.layers[i].is_embedding, original.layers[i].is_embedding);
      EXPECT_TRUE(copy.layers[i].factors.front().q.equal(original.layers[i].factors.front().q));
    }
    ASSERT_EQ(copy.replacements.size(), original.replacements.size());
    for (const auto& [key, tensor] : original.replacements)
      EXPECT_TRUE(copy.replacements.at(key).equal(tensor)) << key;
    EXPECT_TRUE(copy.warnings.empty());
    EXPECT_EQ(keys_of(folder / name), keys_of(data_dir() / "adapters" / name));
  }
}

TEST(AdapterFile, LegacyIsSavedOnlyWhereItsScaleIsOne) {
  const TemporaryFolder folder;
  const AdapterFile legacy = AdapterFile::load(data_dir() / "adapters/peft-0.15");
  EXPECT_EQ(legacy.maker(), "PEFT 0.14-0.15");
  EXPECT_NE(error_of(Status::kUnsupported, [&] { legacy.save(folder / "out"); }).find("oft_s"),
            std::string::npos);
  EXPECT_TRUE(folder.names().empty());

  AdapterFile unscaled = legacy;
  for (AdapterLayer& layer : unscaled.layers) layer.row_scale = at::ones_like(layer.row_scale);
  unscaled.save(folder / "out");
  const AdapterFile modern = AdapterFile::load(folder / "out");
  EXPECT_EQ(modern.maker(), "PEFT 0.21.0");
  for (std::size_t i = 0; i < modern.layers.size(); ++i) {
    const std::int64_t features =
        legacy.layers[i].legacy_matrix.size(0) * legacy.layers[i].legacy_matrix.size(1);
    EXPECT_TRUE(modern.rotation(modern.layers[i], features)
                    .matrices(at::kDouble)
                    .equal(unscaled.rotation(unscaled.layers[i], features).matrices(at::kDouble)));
  }
}

TEST(AdapterFile, PutKeepsLayersSortedAndReplaces) {
  AdapterFile adapter{OFTConfig()};
  adapter.put("b", false, at::zeros({2, 6}));
  adapter.put("a", true, at::zeros({2, 6}));
  adapter.put("b", false, at::ones({2, 6}));
  ASSERT_EQ(adapter.layers.size(), 2U);
  EXPECT_EQ(adapter.layers[0].name, "a");
  EXPECT_TRUE(adapter.layer("b").factors.front().q.equal(at::ones({2, 6})));
  EXPECT_NE(error_of(Status::kNotFound, [&] { adapter.layer("c"); }).find("nearest"),
            std::string::npos);
  error_of(Status::kInvalidArgument, [&] { adapter.put("", false, at::zeros({2, 6})); });
  error_of(Status::kInvalidArgument, [&] { adapter.put("x", false, at::zeros({6})); });
}

TEST(AdapterFile, NamesOfAdaptersInKeysAreDropped) {
  const TemporaryFolder folder;
  write_adapter(folder / "a", {{"base_model.model.x.fc.oft_R.default.weight", at::zeros({2, 6})},
                               {"y.fc.oft_R.weight", at::zeros({2, 6})}});
  const AdapterFile adapter = AdapterFile::load(folder / "a");
  ASSERT_EQ(adapter.layers.size(), 2U);
  EXPECT_EQ(adapter.layers[0].name, "x.fc");
  EXPECT_EQ(adapter.layers[1].name, "y.fc");
}

TEST(AdapterFile, OnlyAnnouncedTensorsReplaceBaseParameters) {
  const TemporaryFolder folder;
  const std::map<std::string, at::Tensor> tensors{
      {"base_model.model.fc.oft_R.weight", at::zeros({2, 6})},
      {"base_model.model.fc.base_layer.bias", at::zeros({3})},
      {"base_model.model.norm.bias", at::zeros({3})},
      {"base_model.model.head.weight", at::zeros({3, 8})},
      {"base_model.model.embed_tokens.weight", at::zeros({5, 8})},
      {"base_model.model.other.weight", at::zeros({3})}};
  const auto replacements = [&](const std::string& more) {
    write_adapter(folder / "a", tensors, more);
    std::set<std::string> names;
    for (const auto& [name, tensor] : AdapterFile::load(folder / "a").replacements)
      names.insert(name);
    return names;
  };
  using Names = std::set<std::string>;
  EXPECT_EQ(replacements(""), (Names{"embed_tokens.weight"}));
  EXPECT_EQ(replacements(R"(, "bias": "oft_only")"), (Names{"embed_tokens.weight", "fc.bias"}));
  EXPECT_EQ(replacements(R"(, "bias": "all", "modules_to_save": ["head"])"),
            (Names{"embed_tokens.weight", "fc.bias", "norm.bias", "head.weight"}));
  EXPECT_EQ(AdapterFile::load(folder / "a").unused_keys,
            (std::vector<std::string>{"base_model.model.other.weight"}));
}

TEST(AdapterFile, BadFoldersAreRefusedWithTheReason) {
  const TemporaryFolder folder;
  EXPECT_NE(
      error_of(Status::kNotFound, [&] { AdapterFile::load(folder / "none"); }).find("no such file"),
      std::string::npos);
  fs::create_directory(folder / "empty");
  EXPECT_NE(error_of(Status::kNotFound, [&] { AdapterFile::load(folder / "empty"); })
                .find("adapter_model.safetensors"),
            std::string::npos);

  write_adapter(folder / "no-rotation", {{"fc.weight", at::zeros({2, 2})}});
  EXPECT_NE(error_of(Status::kInvalidArgument, [&] { AdapterFile::load(folder / "no-rotation"); })
                .find("not an OFT adapter"),
            std::string::npos);

  write_adapter(folder / "no-scale", {{"fc.oft_r", at::zeros({2, 4, 4})}});
  EXPECT_NE(error_of(Status::kInvalidArgument, [&] { AdapterFile::load(folder / "no-scale"); })
                .find("'oft_r' without 'oft_s'"),
            std::string::npos);

  write_adapter(folder / "ranks", {{"fc.oft_R.weight", at::zeros({6})}});
  error_of(Status::kInvalidArgument, [&] { AdapterFile::load(folder / "ranks"); });

  write_adapter(folder / "twice", {{"fc.oft_R.weight", at::zeros({2, 6})},
                                   {"base_model.model.fc.oft_R.weight", at::zeros({2, 6})}});
  EXPECT_NE(error_of(Status::kInvalidArgument, [&] { AdapterFile::load(folder / "twice"); })
                .find("two rotations"),
            std::string::npos);

  write_adapter(folder / "old", {{"fc.oft_r", at::zeros({2, 4, 4})}});
  std::ofstream(folder / "old" / "adapter_config.json") << R"({"peft_type": "OFT", "r": 8})";
  error_of(Status::kUnsupported, [&] { AdapterFile::load(folder / "old"); });

  write_adapter(folder / "lora", {{"fc.lora_A.weight", at::zeros({2, 4})}});
  std::ofstream(folder / "lora" / "adapter_config.json") << R"({"peft_type": "LORA", "r": 8})";
  EXPECT_NE(
      error_of(Status::kUnsupported, [&] { AdapterFile::load(folder / "lora"); }).find("LORA"),
      std::string::npos);

  write_adapter(folder / "json", {{"fc.oft_R.weight", at::zeros({2, 6})}});
  std::ofstream(folder / "json" / "adapter_config.json") << "{";
  error_of(Status::kParse, [&] { AdapterFile::load(folder / "json"); });

  fs::copy(data_dir() / "adapters/pickled", folder / "pickle");
  std::ofstream(folder / "pickle" / "adapter_model.bin") << "no zip";
  error_of(Status::kParse, [&] { AdapterFile::load(folder / "pickle"); });
}

TEST(AdapterFile, BlocksThatDoNotFollowFromTheConfigAreRefused) {
  const TemporaryFolder folder;
  write_adapter(folder / "a", {{"fc.oft_R.weight", at::zeros({4, 1})}});
  const AdapterFile adapter = AdapterFile::load(folder / "a");
  const std::string text =
      error_of(Status::kInvalidArgument, [&] { adapter.rotation(adapter.layers.front(), 8); });
  EXPECT_NE(text.find("layer 'fc': blocks of 2 are stored"), std::string::npos) << text;
  EXPECT_NE(text.find("oft_block_size 4"), std::string::npos) << text;
}

TEST(AdapterFile, RankPatternChangesTheBlocksOfItsLayers) {
  const TemporaryFolder folder;
  write_adapter(
      folder / "a",
      {{"x.fc.oft_R.weight", at::zeros({2, 6})}, {"y.fc.oft_R.weight", at::zeros({4, 1})}},
      R"(, "rank_pattern": {"y.fc": 2})");
  const AdapterFile adapter = AdapterFile::load(folder / "a");
  EXPECT_EQ(adapter.rotation(adapter.layer("x.fc"), 8).block_size(), 4);
  EXPECT_EQ(adapter.rotation(adapter.layer("y.fc"), 8).block_size(), 2);
}

}  // namespace
}  // namespace oft
