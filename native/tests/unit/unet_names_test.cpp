#include "unet_names.hpp"

#include "core_support.hpp"

namespace oft {
namespace {

using namespace testing;

using Paths = std::vector<std::string>;

void add_resnet(Paths& paths, const std::string& prefix, bool has_shortcut) {
  for (const char* part : {"norm1", "conv1", "time_emb_proj", "norm2", "conv2"})
    paths.push_back(prefix + "." + part);
  if (has_shortcut) paths.push_back(prefix + ".conv_shortcut");
}

void add_attention(Paths& paths, const std::string& prefix) {
  for (const char* part : {"norm", "proj_in", "proj_out", "transformer_blocks.0.attn1.to_q",
                           "transformer_blocks.0.attn2.to_out.0", "transformer_blocks.0.ff.net.2"})
    paths.push_back(prefix + "." + part);
}

/// The modules of a UNet as diffusers names them. `attended`: which blocks on the way down have
/// attention; on the way up they come the other way round.
Paths unet(const std::vector<bool>& attended, int layers) {
  Paths paths{"conv_in", "conv_out", "conv_norm_out", "time_embedding.linear_1",
              "time_embedding.linear_2"};
  const int levels = static_cast<int>(attended.size());
  for (int block = 0; block < levels; ++block) {
    const std::string down = "down_blocks." + std::to_string(block);
    const std::string up = "up_blocks." + std::to_string(levels - 1 - block);
    for (int layer = 0; layer <= layers; ++layer) {
      const std::string number = std::to_string(layer);
      if (layer < layers) add_resnet(paths, down + ".resnets." + number, block > 0 && layer == 0);
      add_resnet(paths, up + ".resnets." + number, true);
      if (!attended[static_cast<std::size_t>(block)]) continue;
      if (layer < layers) add_attention(paths, down + ".attentions." + number);
      add_attention(paths, up + ".attentions." + number);
    }
    if (block + 1 < levels) paths.push_back(down + ".downsamplers.0.conv");
    if (block > 0) paths.push_back(up + ".upsamplers.0.conv");
  }
  add_resnet(paths, "mid_block.resnets.0", false);
  add_attention(paths, "mid_block.attentions.0");
  add_resnet(paths, "mid_block.resnets.1", false);
  return paths;
}

const std::vector<bool> kStableDiffusion{true, true, true, false};
const std::vector<bool> kXl{false, true, true};

TEST(UNetNames, AreThoseOfTheOriginalCode) {
  const UNetNames sd(unet(kStableDiffusion, 2));
  const std::vector<std::pair<const char*, const char*>> pairs{
      {"conv_in", "input_blocks.0.0"},
      {"time_embedding.linear_1", "time_embed.0"},
      {"down_blocks.0.attentions.0.proj_in", "input_blocks.1.1.proj_in"},
      {"down_blocks.0.downsamplers.0.conv", "input_blocks.3.0.op"},
      {"down_blocks.1.resnets.0.conv_shortcut", "input_blocks.4.0.skip_connection"},
      {"down_blocks.3.resnets.1.time_emb_proj", "input_blocks.11.0.emb_layers.1"},
      {"mid_block.resnets.0.norm1", "middle_block.0.in_layers.0"},
      {"mid_block.attentions.0.transformer_blocks.0.attn1.to_q",
       "middle_block.1.transformer_blocks.0.attn1.to_q"},
      {"mid_block.resnets.1.conv2", "middle_block.2.out_layers.3"},
      {"up_blocks.0.upsamplers.0.conv", "output_blocks.2.1.conv"},
      {"up_blocks.1.upsamplers.0.conv", "output_blocks.5.2.conv"},
      {"up_blocks.3.attentions.2.proj_out", "output_blocks.11.1.proj_out"},
      {"conv_norm_out", "out.0"},
      {"conv_out", "out.2"},
  };
  for (const auto& [diffusers, original] : pairs) {
    EXPECT_EQ(sd.other(diffusers), original);
    EXPECT_EQ(sd.other(original), diffusers);
  }
  const UNetNames xl(unet(kXl, 2));
  EXPECT_EQ(xl.other("up_blocks.0.upsamplers.0.conv"), "output_blocks.2.2.conv");
  EXPECT_EQ(xl.other("down_blocks.2.attentions.1.transformer_blocks.9.attn2.to_k"),
            "input_blocks.8.1.transformer_blocks.9.attn2.to_k");
  EXPECT_EQ(xl.other("add_embedding.linear_1"), "label_emb.0.0");
}

TEST(UNetNames, GoThereAndBackFromEitherModel) {
  for (const int layers : {1, 2, 3})
    for (const auto& attended : {kStableDiffusion, kXl}) {
      const Paths diffusers = unet(attended, layers);
      const UNetNames names(diffusers);
      Paths original;
      for (const std::string& path : diffusers) {
        ASSERT_TRUE(names.other(path)) << path;
        original.push_back(*names.other(path));
      }
      EXPECT_EQ(std::set<std::string>(original.begin(), original.end()).size(), diffusers.size());
      const UNetNames from_original(original);
      for (std::size_t i = 0; i < diffusers.size(); ++i)
        EXPECT_EQ(from_original.other(original[i]), diffusers[i]);
    }
}

TEST(UNetNames, WhatIsNoUNetHasOneName) {
  const UNetNames unet_names(unet(kXl, 2));
  for (const char* path :
       {"", "fc", "down_blocks", "down_blocks.x.resnets.0.conv1", "down_blocks.0.resnets.0.unknown",
        "down_blocks.0.downsamplers.0", "up_blocks.0.upsamplers.0.norm", "input_blocks.1",
        "mid_block.other.0", "transformer_blocks.0.attn.to_q"})
    EXPECT_EQ(unet_names.other(path), std::nullopt) << path;
  const UNetNames encoder({"text_model.encoder.layers.0.self_attn.q_proj"});
  EXPECT_EQ(encoder.other("conv_in"), std::nullopt);
}

}  // namespace
}  // namespace oft
