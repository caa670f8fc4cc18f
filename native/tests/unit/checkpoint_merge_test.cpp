#include "oft/checkpoint_merge.hpp"

#include <sys/resource.h>

#include <csignal>

#include "oft/adapter_file.hpp"
#include "oft/checkpoint.hpp"
#include "oft/merge.hpp"
#include "support.hpp"

namespace oft {
namespace {

using namespace testing;

std::string bytes_of(const SafetensorsFile& file, const SafetensorsEntry& entry) {
  std::string bytes(entry.bytes(), '\0');
  file.read(entry, 0, bytes.size(), bytes.data());
  return bytes;
}

std::map<std::string, std::string> tensors_of(const fs::path& path) {
  const Checkpoint checkpoint = Checkpoint::open(path);
  std::map<std::string, std::string> tensors;
  for (const auto& [name, location] : checkpoint.tensors())
    tensors[name] = bytes_of(checkpoint.files()[location.file], *location.entry);
  return tensors;
}

/// A base of two Linears and an adapter for them.
class Fixture : public ::testing::Test {
 protected:
  Fixture() {
    at::manual_seed(21);
    base_ = {{"fc1.weight", at::randn({6, 8})},
             {"fc1.bias", at::randn({6})},
             {"fc2.weight", at::randn({8, 6})},
             {"norm.weight", at::randn({8})}};
    write_tensors(base(), base_);
    adapter_ = {{"base_model.model.fc1.oft_R.weight", at::randn({2, 6}) * 0.3},
                {"base_model.model.fc2.oft_R.weight", at::randn({2, 3}) * 0.3}};
    write_adapter();
  }

  fs::path base() const { return folder_ / "base.safetensors"; }
  fs::path adapter() const { return folder_ / "adapter"; }
  fs::path out() const { return folder_ / "out.safetensors"; }

  void write_adapter(const std::string& config = R"("r": 2, "oft_block_size": 0)") {
    fs::create_directories(adapter());
    write_tensors(adapter() / "adapter_model.safetensors", adapter_);
    std::ofstream(adapter() / "adapter_config.json")
        << R"({"peft_type": "OFT", "peft_version": "0.21.0", "use_cayley_neumann": false, )"
        << R"("target_modules": ["fc1", "fc2"], )" << config << "}";
  }

  MergeReport merge(CheckpointMergeOptions options = {}) const {
    return CheckpointMerge(base()).adapter(adapter()).options(options).write_to(out());
  }

  void expect_nothing_written(const std::string& trace = "") const {
    EXPECT_EQ(folder_.names(), (std::set<std::string>{"adapter", "base.safetensors"})) << trace;
  }

  TemporaryFolder folder_;
  std::map<std::string, at::Tensor> base_;
  std::map<std::string, at::Tensor> adapter_;
};

TEST(CheckpointMerge, EqualsWhatPeftMerged) {
  const TemporaryFolder folder;
  const json document = read_json(data_dir() / "adapters.json");
  int compared = 0;
  for (const json& item : document["adapters"]) {
    const std::string name = item["name"];
    SCOPED_TRACE(name);
    CheckpointMerge(data_dir() / item["base"])
        .adapter(data_dir() / item["adapter"])
        .options({.verify = true})
        .write_to(folder / name);
    const SafetensorsFile ours = SafetensorsFile::open(folder / name / "model.safetensors");
    const SafetensorsFile theirs = SafetensorsFile::open(data_dir() / item["expected"]);
    ASSERT_EQ(ours.entries().size(), theirs.entries().size());
    for (const SafetensorsEntry& entry : theirs.entries()) {
      const at::Tensor expected = read_tensor(theirs, entry.name);
      const at::Tensor merged = read_tensor(ours, entry.name);
      ASSERT_EQ(merged.scalar_type(), expected.scalar_type()) << entry.name;
      ASSERT_EQ(merged.sizes(), expected.sizes()) << entry.name;
      if (merged.scalar_type() == at::kFloat) {
        EXPECT_LT(max_difference(merged, expected), 2e-6) << entry.name;
      } else {
        const double ulp = merged.scalar_type() == at::kHalf ? 0x1p-10 : 0x1p-7;
        EXPECT_TRUE(at::allclose(merged.to(at::kDouble), expected.to(at::kDouble), ulp, 1e-6))
            << entry.name << " " << max_difference(merged, expected);
      }
    }
    ++compared;
  }
  EXPECT_GE(compared, 20);
}

TEST(CheckpointMerge, ShardsEqualTheSingleFileByteForByte) {
  const TemporaryFolder folder;
  const fs::path adapter = data_dir() / "adapters/exact";
  CheckpointMerge(data_dir() / "base").adapter(adapter).write_to(folder / "whole");
  CheckpointMerge(data_dir() / "base_sharded").adapter(adapter).write_to(folder / "shards");
  CheckpointMerge(data_dir() / "base")
      .adapter(adapter)
      .options({.max_shard_size = 4000})
      .write_to(folder / "cut");
  const auto expected = tensors_of(folder / "whole");
  EXPECT_EQ(tensors_of(folder / "shards"), expected);
  EXPECT_EQ(tensors_of(folder / "cut"), expected);
  EXPECT_EQ(Checkpoint::open(folder / "shards").files().size(), 3U);
  EXPECT_GT(Checkpoint::open(folder / "cut").files().size(), 1U);
  EXPECT_TRUE(fs::exists(folder / "shards/config.json"));
  EXPECT_NE(tensors_of(data_dir() / "base"), expected);
}

TEST(CheckpointMerge, OneShardNeedsNoIndex) {
  const TemporaryFolder folder;
  CheckpointMerge(data_dir() / "base_sharded")
      .adapter(data_dir() / "adapters/exact")
      .options({.max_shard_size = std::uint64_t{1} << 40})
      .write_to(folder / "out");
  EXPECT_TRUE(fs::exists(folder / "out/model.safetensors"));
  EXPECT_FALSE(fs::exists(folder / "out/model.safetensors.index.json"));
}

TEST_F(Fixture, MergesAndCopies) {
  const MergeReport report = merge();
  const SafetensorsFile file = SafetensorsFile::open(out());
  const AdapterFile adapter_file = AdapterFile::load(adapter());
  for (const AdapterLayer& layer : adapter_file.layers) {
    const std::string name = layer.name + ".weight";
    const at::Tensor expected = merge_weight(
        base_.at(name), LayerKind::kLinear, {adapter_file.rotation(layer, base_.at(name).size(1))});
    EXPECT_TRUE(read_tensor(file, name).equal(expected));
  }
  for (const char* name : {"fc1.bias", "norm.weight"})
    EXPECT_TRUE(read_tensor(file, name).equal(base_.at(name)));
  EXPECT_EQ(report.layers.size(), 2U);
  EXPECT_LT(report.layers[0].orthogonality_error, 1e-5);
  EXPECT_GT(report.layers[0].largest_angle, 0.1);
  EXPECT_EQ(report.files, std::vector<std::string>{"out.safetensors"});
  EXPECT_EQ(file.metadata().at("format"), "pt");
}

TEST_F(Fixture, ThreadsAndVerificationDoNotChangeTheResult) {
  merge({.threads = 1});
  const auto expected = tensors_of(out());
  const MergeReport report = merge({.force = true, .verify = true, .threads = 8});
  EXPECT_TRUE(report.verified);
  EXPECT_TRUE(report.layers[0].verify_error.has_value());
  EXPECT_EQ(tensors_of(out()), expected);
}

TEST_F(Fixture, VerificationAllowsForTheLengthOfTheSums) {
  base_ = {{"fc1.weight", at::randn({64, 1024})}};
  write_tensors(base(), base_);
  adapter_ = {{"base_model.model.fc1.oft_R.weight", at::randn({1, 1024 * 1023 / 2})}};
  write_adapter(R"("r": 1, "oft_block_size": 0)");
  const MergeReport report = merge({.verify = true});
  EXPECT_TRUE(report.verified) << *report.layers[0].verify_error;
  EXPECT_GT(*report.layers[0].verify_error, 1e-7);
  EXPECT_LT(report.verify_tolerance, 2e-5);
}

TEST_F(Fixture, WritesAnotherTypeRoundedOnce) {
  merge();
  const SafetensorsFile single = SafetensorsFile::open(out());
  std::map<std::string, at::Tensor> expected;
  for (const SafetensorsEntry& entry : single.entries())
    expected[entry.name] = read_tensor(single, entry.name).to(at::kBFloat16);
  merge({.force = true, .verify = true, .dtype = at::kBFloat16});
  const SafetensorsFile half = SafetensorsFile::open(out());
  for (const auto& [name, tensor] : expected) EXPECT_TRUE(read_tensor(half, name).equal(tensor));
}

TEST_F(Fixture, SeveralAdaptersApplyInTheOrderOfTheForward) {
  CheckpointMerge(base()).adapter(adapter()).adapter(adapter()).write_to(out());
  const AdapterFile file = AdapterFile::load(adapter());
  const Rotation rotation = file.rotation(file.layer("fc1"), 8);
  const at::Tensor expected =
      merge_weight(base_.at("fc1.weight"), LayerKind::kLinear, {rotation, rotation});
  EXPECT_LT(max_difference(read_tensor(SafetensorsFile::open(out()), "fc1.weight"), expected),
            1e-6);
}

TEST_F(Fixture, ProgressReachesTheEndAndCancels) {
  std::uint64_t last = 0;
  CheckpointMerge(base())
      .adapter(adapter())
      .progress([&](const Progress& progress) {
        EXPECT_GE(progress.done, last);
        last = progress.done;
        EXPECT_LE(progress.done, progress.total);
        return true;
      })
      .write_to(out());
  EXPECT_EQ(last, merge({.force = true}).bytes_written);
  fs::remove(out());
  error_of(Status::kCancelled, [&] {
    CheckpointMerge(base())
        .adapter(adapter())
        .progress([](const Progress&) { return false; })
        .write_to(out());
  });
  expect_nothing_written();
}

TEST_F(Fixture, LayersWithoutBaseWeightAreListed) {
  adapter_["base_model.model.fc3.oft_R.weight"] = at::zeros({2, 6});
  write_adapter();
  const std::string text = error_of(Status::kInvalidArgument, [&] { merge(); });
  EXPECT_NE(text.find("1 of its 3 layers"), std::string::npos) << text;
  EXPECT_NE(text.find("'fc3'"), std::string::npos) << text;
  EXPECT_NE(text.find("nearest to the first: 'fc1'"), std::string::npos) << text;
  expect_nothing_written();
  EXPECT_EQ(merge({.force = true}).warnings.size(), 1U);
}

TEST_F(Fixture, AnAdapterForAnotherModelIsRefusedEvenByForce) {
  adapter_ = {{"base_model.model.q.oft_R.weight", at::zeros({2, 6})}};
  write_adapter();
  EXPECT_NE(
      error_of(Status::kInvalidArgument, [&] { merge({.force = true}); }).find("for another model"),
      std::string::npos);
  expect_nothing_written();
}

TEST_F(Fixture, UnusedKeysAreListed) {
  adapter_["base_model.model.stray"] = at::zeros({2});
  write_adapter();
  EXPECT_NE(error_of(Status::kInvalidArgument, [&] { merge(); }).find("base_model.model.stray"),
            std::string::npos);
  expect_nothing_written();
  merge({.force = true});
}

TEST_F(Fixture, WrongShapesNameBothSides) {
  adapter_["base_model.model.fc1.oft_R.weight"] = at::zeros({3, 6});
  write_adapter();
  const std::string text = error_of(Status::kInvalidArgument, [&] { merge(); });
  EXPECT_NE(text.find("layer 'fc1'"), std::string::npos) << text;
  EXPECT_NE(text.find("[6, 8]"), std::string::npos) << text;
  expect_nothing_written();
}

TEST_F(Fixture, SafeModeRefusesNaNInQ) {
  adapter_["base_model.model.fc1.oft_R.weight"][0][0] = std::numeric_limits<float>::quiet_NaN();
  write_adapter();
  EXPECT_NE(error_of(Status::kInvalidArgument, [&] { merge({.safe = true}); })
                .find("layer 'fc1': the merged weight is not finite"),
            std::string::npos);
  expect_nothing_written();
  const MergeReport report = merge();
  EXPECT_EQ(report.warnings.size(), 1U);
  EXPECT_TRUE(std::isnan(report.largest_angle));
  EXPECT_TRUE(json::parse(report.to_json())["orthogonality_error"].is_null());
  fs::remove(out());
  EXPECT_FALSE(merge({.verify = true}).verified);
  expect_nothing_written();
}

TEST_F(Fixture, ModulesToSaveReplaceAndAdd) {
  adapter_["base_model.model.norm.weight"] = at::ones({8});
  adapter_["base_model.model.head.weight"] = at::ones({2, 8});
  write_adapter(R"("r": 2, "oft_block_size": 0, "modules_to_save": ["norm", "head"])");
  const MergeReport report = merge();
  EXPECT_EQ(report.replaced, (std::vector<std::string>{"norm.weight", "head.weight"}));
  const SafetensorsFile file = SafetensorsFile::open(out());
  EXPECT_TRUE(read_tensor(file, "norm.weight").equal(at::ones({8})));
  EXPECT_TRUE(read_tensor(file, "head.weight").equal(at::ones({2, 8})));

  adapter_["base_model.model.norm.weight"] = at::ones({9});
  write_adapter(R"("r": 2, "oft_block_size": 0, "modules_to_save": ["norm", "head"])");
  fs::remove(out());
  error_of(Status::kInvalidArgument, [&] { merge(); });
  expect_nothing_written();
}

TEST_F(Fixture, TransposedWeightsOfConv1DTurnTheirRows) {
  base_["fc1.weight"] = base_["fc1.weight"].t().contiguous();
  base_["fc2.weight"] = base_["fc2.weight"].t().contiguous();
  write_tensors(base(), base_);
  write_adapter(R"("r": 2, "oft_block_size": 0, "fan_in_fan_out": true)");
  EXPECT_TRUE(merge({.verify = true}).verified);
  const AdapterFile file = AdapterFile::load(adapter());
  const at::Tensor expected =
      merge_weight(base_.at("fc1.weight").t().contiguous(), LayerKind::kLinear,
                   {file.rotation(file.layer("fc1"), 8)});
  EXPECT_LT(max_difference(read_tensor(SafetensorsFile::open(out()), "fc1.weight").t(), expected),
            1e-6);
}

TEST_F(Fixture, TargetsThatWouldHarmAreRefused) {
  EXPECT_NE(error_of(Status::kInvalidArgument,
                     [&] { CheckpointMerge(base()).adapter(adapter()).write_to(base()); })
                .find("the target is the source"),
            std::string::npos);
  error_of(Status::kInvalidArgument,
           [&] { CheckpointMerge(base()).adapter(adapter()).write_to(adapter() / "out"); });
  fs::create_symlink(base(), folder_ / "link");
  error_of(Status::kInvalidArgument,
           [&] { CheckpointMerge(base()).adapter(adapter()).write_to(folder_ / "link"); });
  fs::remove(folder_ / "link");
  error_of(Status::kInvalidArgument,
           [&] { CheckpointMerge(base()).adapter(adapter()).write_to(folder_.path()); });
  error_of(Status::kInvalidState, [&] { CheckpointMerge(base()).write_to(out()); });
  error_of(Status::kIo, [&] {
    CheckpointMerge(base()).adapter(adapter()).write_to(folder_ / "none/out.safetensors");
  });
  expect_nothing_written();

  std::ofstream(out()) << "precious";
  EXPECT_NE(error_of(Status::kInvalidArgument, [&] { merge(); }).find("exists already"),
            std::string::npos);
  EXPECT_EQ(fs::file_size(out()), 8U);
}

TEST_F(Fixture, AFileSizeLimitLeavesNothingBehind) {
  struct rlimit before {};
  getrlimit(RLIMIT_FSIZE, &before);
  struct rlimit small = before;
  small.rlim_cur = 64;
  std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  error_of(Status::kIo, [&] { merge(); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, SIG_DFL);
  expect_nothing_written();
}

TEST(CheckpointMergeFolder, ReplacesAWholeFolderOnlyByForce) {
  const TemporaryFolder folder;
  const auto run = [&](bool force) {
    CheckpointMerge(data_dir() / "base")
        .adapter(data_dir() / "adapters/exact")
        .options({.force = force})
        .write_to(folder / "out");
  };
  run(false);
  std::ofstream(folder / "out/old.txt") << "old";
  error_of(Status::kInvalidArgument, [&] { run(false); });
  EXPECT_TRUE(fs::exists(folder / "out/old.txt"));
  run(true);
  EXPECT_FALSE(fs::exists(folder / "out/old.txt"));
  EXPECT_EQ(folder.names(), std::set<std::string>{"out"});
}

TEST(CheckpointMergeFolder, CarriesOtherFilesAlongButNoOtherWeights) {
  const TemporaryFolder folder;
  fs::copy(data_dir() / "base", folder / "base");
  std::ofstream(folder / "base/tokenizer.json") << "{}";
  std::ofstream(folder / "base/pytorch_model.bin") << "unmerged";
  fs::create_directories(folder / "base/1_Pooling");
  std::ofstream(folder / "base/1_Pooling/config.json") << "{}";
  fs::create_directories(folder / "base/.cache");
  std::ofstream(folder / "base/.cache/x") << "{}";
  std::ofstream(folder / "base/config.json")
      << R"({"model_type": "toy", "torch_dtype": "float32"})";
  const MergeReport report = CheckpointMerge(folder / "base")
                                 .adapter(data_dir() / "adapters/exact")
                                 .options({.dtype = at::kHalf})
                                 .write_to(folder / "out");
  EXPECT_TRUE(fs::exists(folder / "out/tokenizer.json"));
  EXPECT_TRUE(fs::exists(folder / "out/1_Pooling/config.json"));
  EXPECT_FALSE(fs::exists(folder / "out/pytorch_model.bin"));
  EXPECT_FALSE(fs::exists(folder / "out/.cache"));
  ASSERT_EQ(report.warnings.size(), 1U);
  EXPECT_NE(report.warnings[0].find("pytorch_model.bin"), std::string::npos);
  EXPECT_EQ(read_json(folder / "out/config.json")["torch_dtype"], "float16");
}

TEST(CheckpointMergeFolder, FindsTheComponentOfAPipeline) {
  const TemporaryFolder folder;
  const fs::path pipeline = folder / "pipeline";
  fs::create_directories(pipeline / "unet");
  fs::copy(data_dir() / "base", pipeline / "text_encoder");
  std::ofstream(pipeline / "model_index.json") << "{}";
  write_tensors(pipeline / "unet/diffusion_pytorch_model.safetensors",
                {{"x.weight", at::ones({2, 2})}});
  const MergeReport report =
      CheckpointMerge(pipeline).adapter(data_dir() / "adapters/exact").write_to(folder / "out");
  EXPECT_EQ(report.files, std::vector<std::string>{"text_encoder/model.safetensors"});
  CheckpointMerge(data_dir() / "base")
      .adapter(data_dir() / "adapters/exact")
      .write_to(folder / "alone");
  EXPECT_EQ(tensors_of(folder / "out/text_encoder"), tensors_of(folder / "alone"));
  EXPECT_EQ(tensors_of(folder / "out/unet"), tensors_of(pipeline / "unet"));
  EXPECT_TRUE(fs::exists(folder / "out/model_index.json"));

  fs::copy(data_dir() / "base", pipeline / "text_encoder_2");
  EXPECT_NE(error_of(Status::kInvalidArgument,
                     [&] {
                       CheckpointMerge(pipeline)
                           .adapter(data_dir() / "adapters/exact")
                           .write_to(folder / "again");
                     })
                .find("'text_encoder', 'text_encoder_2'"),
            std::string::npos);
}

TEST(CheckpointMergeFolder, ATiedHeadIsNotTurnedSilently) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "base");
  write_tensors(folder / "base/model.safetensors",
                {{"model.embed_tokens.weight", at::randn({5, 8})}});
  std::ofstream(folder / "base/config.json")
      << R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "tie_word_embeddings": true})";
  AdapterFile adapter(OFTConfig::from_json(
      R"({"oft_block_size": 4, "target_modules": ["embed_tokens"]})", ConfigSource::kUser));
  adapter.put("model.embed_tokens", true, at::randn({2, 6}) * 0.1);
  adapter.save(folder / "adapter");
  CheckpointMerge merge(folder / "base");
  merge.adapter(folder / "adapter");
  EXPECT_NE(error_of(Status::kInvalidArgument, [&] { merge.write_to(folder / "out"); })
                .find("tie_word_embeddings"),
            std::string::npos);
  EXPECT_EQ(merge.options({.force = true}).write_to(folder / "out").warnings.size(), 1U);
}

TEST(CheckpointMergeOptions, JsonIsCheckedKeyByKey) {
  const auto options = CheckpointMergeOptions::from_json(
      R"({"safe": true, "dtype": "bfloat16", "threads": 3, "max_shard_size": 5, "device": "cpu"})");
  EXPECT_TRUE(options.safe);
  EXPECT_EQ(options.dtype, at::kBFloat16);
  EXPECT_EQ(options.threads, 3);
  EXPECT_EQ(options.max_shard_size, 5U);
  for (const char* bad : {R"({"safe": 1})", R"({"dtype": "int8"})", R"({"threads": -1})",
                          R"({"threads": 1.5})", R"({"saef": true})"}) {
    const std::string text =
        error_of(Status::kInvalidArgument, [&] { CheckpointMergeOptions::from_json(bad); });
    EXPECT_EQ(text.rfind("option ", 0), 0U) << text;
  }
  error_of(Status::kDevice, [] { CheckpointMergeOptions::from_json(R"({"device": "cuda:99"})"); });
  error_of(Status::kParse, [] { CheckpointMergeOptions::from_json("[]"); });
  error_of(Status::kParse, [] { CheckpointMergeOptions::from_json("{"); });
}

TEST(Checkpoint, AnIndexAndItsShardsMustAgree) {
  const TemporaryFolder folder;
  const auto copy = [&](const std::string& name) {
    fs::copy(data_dir() / "base_sharded", folder / name);
    return folder / name;
  };
  const fs::path missing = copy("missing");
  fs::remove(missing / "model-00002-of-00003.safetensors");
  EXPECT_NE(error_of(Status::kNotFound, [&] { Checkpoint::open(missing); })
                .find("model-00002-of-00003.safetensors: this shard is missing"),
            std::string::npos);

  const fs::path unindexed = copy("unindexed");
  fs::remove(unindexed / "model.safetensors.index.json");
  EXPECT_NE(error_of(Status::kNotFound, [&] { Checkpoint::open(unindexed); }).find("no index"),
            std::string::npos);

  const fs::path swapped = copy("swapped");
  fs::copy_file(swapped / "model-00001-of-00003.safetensors",
                swapped / "model-00002-of-00003.safetensors", fs::copy_options::overwrite_existing);
  error_of(Status::kParse, [&] { Checkpoint::open(swapped); });

  const fs::path outside = copy("outside");
  std::ofstream(outside / "model.safetensors.index.json")
      << R"({"weight_map": {"x": "../base.safetensors"}})";
  EXPECT_NE(error_of(Status::kParse, [&] { Checkpoint::open(outside); }).find("no plain file name"),
            std::string::npos);

  error_of(Status::kInvalidArgument, [] { Checkpoint::open(data_dir() / "adapters/exact"); });
  error_of(Status::kNotFound, [&] { Checkpoint::open(folder.path()); });
}

}  // namespace
}  // namespace oft
