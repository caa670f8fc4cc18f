#include "pipeline.hpp"

#include "oft/checkpoint_merge.hpp"
#include "support.hpp"

namespace oft {
namespace {

using namespace testing;

std::string bytes_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_text(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

/// A pipeline with the layers of Stable Diffusion at small width, and an adapter for each of its
/// two adapted components.
class PipelineTest : public ::testing::Test {
 protected:
  PipelineTest() {
    at::manual_seed(6);
    write_text(pipeline() / "model_index.json", R"({"_class_name": "StableDiffusionPipeline"})");
    write_text(pipeline() / "scheduler/scheduler_config.json", "{}");
    write_text(pipeline() / "tokenizer/vocab.json", "{}");
    write_text(pipeline() / "vae/config.json", "{}");
    write_text(pipeline() / "text_encoder/config.json", R"({"model_type": "clip_text_model"})");
    write_text(pipeline() / "unet/config.json", "{}");
    write_text_encoder("text_encoder", 8);
    write_tensors(pipeline() / "unet/diffusion_pytorch_model.safetensors",
                  {{"down.0.to_q.weight", at::randn({8, 8})},
                   {"down.0.conv.weight", at::randn({4, 4, 3, 3})},
                   {"down.0.conv.bias", at::randn({4})}});
    write_tensors(pipeline() / "vae/diffusion_pytorch_model.safetensors",
                  {{"encoder.conv.weight", at::randn({4, 4, 3, 3})}});
    save_adapter("te", {{kTextLayer, at::randn({2, 6}) * 0.3}});
    save_adapter("unet", {{"down.0.to_q", at::randn({2, 6}) * 0.3},
                          {"down.0.conv", at::randn({9, 6}) * 0.3}});
  }

  fs::path pipeline() const { return folder_ / "pipeline"; }
  fs::path out() const { return folder_ / "out"; }

  void write_text_encoder(const std::string& component, std::int64_t width) const {
    fs::create_directories(pipeline() / component);
    write_tensors(pipeline() / component / "model.safetensors",
                  {{std::string(kTextLayer) + ".weight", at::randn({width, width})},
                   {"text_model.norm.weight", at::randn({width})}});
  }

  /// Rotations in blocks of 4.
  fs::path save_adapter(const std::string& name,
                        const std::map<std::string, at::Tensor>& layers) const {
    OFTConfig config;
    config.r = 0;
    config.oft_block_size = 4;
    config.target_modules = std::vector<std::string>{"to_q", "conv", "q_proj"};
    AdapterFile adapter(config);
    for (const auto& [layer, q] : layers) adapter.put(layer, /*is_embedding=*/false, q);
    adapter.save(folder_ / name);
    return folder_ / name;
  }

  CheckpointMerge both() const {
    CheckpointMerge merge(pipeline());
    merge.adapter(folder_ / "te", "text_encoder").adapter(folder_ / "unet", "unet");
    return merge;
  }

  std::set<std::string> files_of(const fs::path& folder) const {
    std::set<std::string> files;
    for (const auto& item : fs::recursive_directory_iterator(folder))
      if (item.is_regular_file()) files.insert(item.path().lexically_relative(folder).string());
    return files;
  }

  std::string merge_error(CheckpointMerge& merge, Status status = Status::kInvalidArgument) const {
    const std::set<std::string> before = folder_.names();
    const std::string text = error_of(status, [&] { merge.write_to(out()); });
    EXPECT_EQ(folder_.names(), before);
    return text;
  }

  static constexpr const char* kTextLayer = "text_model.encoder.layers.0.self_attn.q_proj";
  TemporaryFolder folder_;
};

TEST_F(PipelineTest, MergesEachComponentAsIfAloneAndCarriesTheRestAlong) {
  const MergeReport report = both().write_to(out());
  CheckpointMerge(pipeline() / "unet").adapter(folder_ / "unet").write_to(folder_ / "one_unet");
  CheckpointMerge(pipeline() / "text_encoder").adapter(folder_ / "te").write_to(folder_ / "one_te");
  const std::map<std::string, fs::path> merged{
      {"unet/diffusion_pytorch_model.safetensors",
       folder_ / "one_unet/diffusion_pytorch_model.safetensors"},
      {"text_encoder/model.safetensors", folder_ / "one_te/model.safetensors"}};
  EXPECT_EQ(files_of(out()), files_of(pipeline()));
  for (const std::string& file : files_of(pipeline())) {
    const auto alone = merged.find(file);
    EXPECT_EQ(bytes_of(out() / file),
              bytes_of(alone == merged.end() ? pipeline() / file : alone->second))
        << file;
    EXPECT_EQ(bytes_of(out() / file) == bytes_of(pipeline() / file), alone == merged.end()) << file;
  }

  ASSERT_EQ(report.layers.size(), 3U);
  EXPECT_EQ(report.layers[0].component, "text_encoder");
  EXPECT_EQ(report.layers[0].name, kTextLayer);
  EXPECT_EQ(report.layers[1].component, "unet");
  EXPECT_EQ(report.layers[2].component, "unet");
  EXPECT_EQ(report.files, (std::vector<std::string>{"text_encoder/model.safetensors",
                                                    "unet/diffusion_pytorch_model.safetensors"}));
  double largest = 0;
  for (const MergedLayer& layer : report.layers) largest = std::max(largest, layer.largest_angle);
  EXPECT_EQ(report.largest_angle, largest);
  const json layer = json::parse(report.to_json())["layers"][2];
  EXPECT_EQ(layer["component"], "unet");
  EXPECT_EQ(layer["name"], report.layers[2].name);
}

TEST_F(PipelineTest, AdaptersWithoutAComponentGoToTheOneTheyFit) {
  both().write_to(out());
  CheckpointMerge(pipeline())
      .adapter(folder_ / "unet")
      .adapter(folder_ / "te")
      .write_to(folder_ / "found");
  for (const std::string& file : files_of(out()))
    EXPECT_EQ(bytes_of(folder_ / "found" / file), bytes_of(out() / file)) << file;
}

TEST_F(PipelineTest, SeveralAdaptersOfAComponentApplyInTheOrderOfTheForward) {
  const fs::path other = save_adapter("other", {{"down.0.to_q", at::randn({2, 6}) * 0.3}});
  both().adapter(other, "unet").write_to(out());
  CheckpointMerge(pipeline() / "unet")
      .adapter(folder_ / "unet")
      .adapter(other)
      .write_to(folder_ / "alone");
  const std::string name = "diffusion_pytorch_model.safetensors";
  EXPECT_EQ(bytes_of(out() / "unet" / name), bytes_of(folder_ / "alone" / name));
}

TEST_F(PipelineTest, TheSizeOfBlocksTellsTextEncodersApart) {
  write_text_encoder("text_encoder_2", 16);
  CheckpointMerge merge(pipeline());
  const MergeReport report = merge.adapter(folder_ / "te").write_to(out());
  EXPECT_EQ(report.layers.at(0).component, "text_encoder");
  fs::remove_all(out());

  write_text_encoder("text_encoder_3", 8);
  const std::string text = merge_error(merge);
  EXPECT_NE(text.find("'text_encoder', 'text_encoder_3'"), std::string::npos) << text;
  EXPECT_NE(text.find("name the one that is meant"), std::string::npos) << text;
}

TEST_F(PipelineTest, UnknownComponentsAreNamedBesideThoseThatExist) {
  const auto error = [&](const std::string& component) {
    CheckpointMerge merge(pipeline());
    return merge_error(merge.adapter(folder_ / "unet", component));
  };
  for (const std::string component : {"unett", "..", "unet/", "/etc"}) {
    const std::string text = error(component);
    EXPECT_NE(text.find("no component '" + component + "'"), std::string::npos) << text;
    EXPECT_NE(text.find("'text_encoder', 'unet', 'vae'"), std::string::npos) << text;
  }
  EXPECT_NE(error("tokenizer").find("no .safetensors weights for its component 'tokenizer'"),
            std::string::npos);
  CheckpointMerge plain(pipeline() / "unet");
  EXPECT_NE(merge_error(plain.adapter(folder_ / "unet", "unet")).find("is no diffusers pipeline"),
            std::string::npos);
}

TEST_F(PipelineTest, AnAdapterThatFitsNothingNamesWhatComesNearest) {
  const fs::path other = save_adapter(
      "other", {{"down.0.to_q", at::randn({2, 6})}, {"down.0.to_k", at::randn({2, 6})}});
  CheckpointMerge merge(pipeline());
  const std::string text = merge_error(merge.adapter(other));
  EXPECT_NE(text.find("'text_encoder', 'unet', 'vae'"), std::string::npos) << text;
  EXPECT_NE(text.find("'unet' comes nearest: 1 of its 2 layers"), std::string::npos) << text;
  EXPECT_NE(text.find("'down.0.to_k'"), std::string::npos) << text;
}

TEST_F(PipelineTest, ErrorsAndWarningsNameTheComponent) {
  const fs::path other = save_adapter(
      "other", {{"down.0.to_q", at::randn({2, 6})}, {"down.0.to_k", at::randn({2, 6})}});
  CheckpointMerge merge(pipeline());
  merge.adapter(folder_ / "te", "text_encoder").adapter(other, "unet");
  EXPECT_NE(merge_error(merge).find("component 'unet': "), std::string::npos);
  const MergeReport report = merge.options({.force = true}).write_to(out());
  ASSERT_EQ(report.warnings.size(), 1U);
  EXPECT_TRUE(report.warnings[0].starts_with("unet: ")) << report.warnings[0];
}

TEST_F(PipelineTest, AFailureInTheLastComponentLeavesNothing) {
  at::Tensor q = at::randn({9, 6});
  q[0][0] = std::numeric_limits<float>::quiet_NaN();
  CheckpointMerge merge = both();
  merge.adapter(save_adapter("broken", {{"down.0.conv", q}}), "unet").options({.safe = true});
  EXPECT_NE(merge_error(merge).find("not finite"), std::string::npos);

  const std::set<std::string> before = folder_.names();
  EXPECT_FALSE(merge.options({.verify = true}).write_to(out()).verified);
  EXPECT_EQ(folder_.names(), before);
}

TEST_F(PipelineTest, OneProgressCoversAllComponentsAndCancelsThemAll) {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  CheckpointMerge merge = both();
  merge.progress([&](const Progress& progress) {
    EXPECT_GE(progress.done, done);
    done = progress.done;
    total = progress.total;
    return true;
  });
  const MergeReport report = merge.write_to(out());
  EXPECT_EQ(done, total);
  EXPECT_EQ(report.bytes_written, total);
  std::uint64_t bytes = 0;  // of all tensors and companions: the files without their headers
  for (const std::string& file : files_of(pipeline())) bytes += fs::file_size(pipeline() / file);
  EXPECT_GT(total, bytes * 3 / 5);
  EXPECT_LT(total, bytes);
  fs::remove_all(out());

  merge.progress([](const Progress&) { return false; });
  merge_error(merge, Status::kCancelled);
}

TEST_F(PipelineTest, ConvertsReshardsAndVerifiesEveryMergedComponent) {
  write_text(pipeline() / "unet/config.json", R"({"dtype": "float32"})");
  write_text(pipeline() / "vae/config.json", R"({"dtype": "float32"})");
  const MergeReport report =
      both()
          .options({.verify = true, .dtype = at::kBFloat16, .max_shard_size = 200})
          .write_to(out());
  EXPECT_TRUE(report.verified);
  EXPECT_GT(report.verify_tolerance, 0x1p-9);
  for (const MergedLayer& layer : report.layers) {
    EXPECT_EQ(layer.dtype, "bfloat16");
    EXPECT_TRUE(layer.verify_error.has_value()) << layer.name;
  }
  EXPECT_TRUE(fs::exists(out() / "unet/diffusion_pytorch_model.safetensors.index.json"));
  EXPECT_EQ(read_json(out() / "unet/config.json")["dtype"], "bfloat16");
  EXPECT_EQ(read_json(out() / "vae/config.json")["dtype"], "float32");
}

TEST_F(PipelineTest, WeightsInOtherFormatsStayBehindInMergedComponentsOnly) {
  write_text(pipeline() / "unet/diffusion_pytorch_model.fp16.safetensors", "unmerged");
  write_text(pipeline() / "text_encoder/pytorch_model.bin", "unmerged");
  write_text(pipeline() / "vae/diffusion_pytorch_model.bin", "unchanged");
  const MergeReport report = both().write_to(out());
  EXPECT_FALSE(fs::exists(out() / "unet/diffusion_pytorch_model.fp16.safetensors"));
  EXPECT_FALSE(fs::exists(out() / "text_encoder/pytorch_model.bin"));
  EXPECT_EQ(bytes_of(out() / "vae/diffusion_pytorch_model.bin"), "unchanged");
  ASSERT_EQ(report.warnings.size(), 1U);
  EXPECT_NE(report.warnings[0].find("'text_encoder/pytorch_model.bin'"), std::string::npos);
}

TEST_F(PipelineTest, WhatLinksPointToIsCarriedAlong) {
  fs::rename(pipeline() / "vae", folder_ / "elsewhere");
  fs::create_directory_symlink(folder_ / "elsewhere", pipeline() / "vae");
  fs::rename(pipeline() / "tokenizer/vocab.json", folder_ / "blob");
  fs::create_symlink("../../blob", pipeline() / "tokenizer/vocab.json");
  both().write_to(out());
  for (const char* name : {"vae", "tokenizer/vocab.json", "vae/config.json"})
    EXPECT_FALSE(fs::is_symlink(out() / name)) << name;
  EXPECT_EQ(bytes_of(out() / "tokenizer/vocab.json"), "{}");
  EXPECT_EQ(bytes_of(out() / "vae/diffusion_pytorch_model.safetensors"),
            bytes_of(folder_ / "elsewhere/diffusion_pytorch_model.safetensors"));
  fs::remove_all(out());

  CheckpointMerge merge = both();
  fs::create_directory_symlink("..", pipeline() / "scheduler/loop");
  EXPECT_NE(merge_error(merge).find("scheduler/loop: a link to a folder that it lies in"),
            std::string::npos);
  fs::remove(pipeline() / "scheduler/loop");
  fs::remove(folder_ / "blob");
  const std::string text = merge_error(merge, Status::kNotFound);
  EXPECT_NE(text.find("vocab.json: a link to ../../blob, which is missing"), std::string::npos);
}

/// An adapter of another maker, whose one file says which component each layer is in.
class NamedComponentsTest : public PipelineTest {
 protected:
  NamedComponentsTest() : file_(AdapterFile::load(folder_ / "unet")) {
    for (AdapterLayer& layer : file_.layers) layer.component = "unet";
    for (AdapterLayer layer : AdapterFile::load(folder_ / "te").layers) {
      layer.component = "text_encoder";
      file_.layers.push_back(layer);
    }
  }

  AdapterFile file_;
};

TEST_F(NamedComponentsTest, EachComponentGetsItsLayers) {
  const std::vector<AdaptedModel> models = assign_adapters(pipeline(), {{file_, ""}});
  ASSERT_EQ(models.size(), 2U);
  EXPECT_EQ(models[0].component, "text_encoder");
  EXPECT_EQ(models[0].adapters.at(0).layers.at(0).name, kTextLayer);
  EXPECT_EQ(models[1].component, "unet");
  EXPECT_EQ(models[1].adapters.at(0).layers.size(), 2U);
  EXPECT_TRUE(models[1].adapters.at(0).warnings.empty());
}

TEST_F(NamedComponentsTest, ARequestedComponentGetsItsPartAndTheRestIsNamed) {
  const std::vector<AdaptedModel> models = assign_adapters(pipeline(), {{file_, "unet"}});
  ASSERT_EQ(models.size(), 1U);
  EXPECT_EQ(models[0].adapters.at(0).layers.size(), 2U);
  ASSERT_EQ(models[0].adapters.at(0).warnings.size(), 1U);
  EXPECT_NE(models[0].adapters[0].warnings[0].find("'text_encoder'"), std::string::npos);
  EXPECT_NE(error_of(Status::kInvalidArgument,
                     [&] {
                       assign_adapters(pipeline(), {{file_, "vae"}});
                     })
                .find("has no layers for 'vae'; they are for 'text_encoder', 'unet'"),
            std::string::npos);
}

TEST_F(NamedComponentsTest, ComponentsThatThePipelineLacksAreRefused) {
  file_.layers.back().component = "text_encoder_2";
  EXPECT_NE(error_of(Status::kInvalidArgument,
                     [&] {
                       assign_adapters(pipeline(), {{file_, ""}});
                     })
                .find("no component 'text_encoder_2'"),
            std::string::npos);
}

}  // namespace
}  // namespace oft
