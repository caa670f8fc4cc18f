#include "module_name.hpp"

#include "core_support.hpp"

namespace oft {
namespace {

TEST(ModuleName, SaysItsComponent) {
  struct Case {
    const char* name;
    const char* component;
    const char* path;
  };
  for (const auto& [name, component, path] : std::vector<Case>{
           {"unet.conv_in", "unet", "conv_in"},
           {"transformer.transformer_blocks.0.attn.to_q", "transformer",
            "transformer_blocks.0.attn.to_q"},
           {"text_encoder_2.text_model.final", "text_encoder_2", "text_model.final"},
           {"lora_unet_down_blocks_0_conv", "unet", "down_blocks_0_conv"},
           {"lora_unet_input_blocks_1_1_proj_in", "unet", "input_blocks_1_1_proj_in"},
           {"lora_unet_double_blocks_0_img_attn_qkv", "transformer",
            "double_blocks_0_img_attn_qkv"},
           {"oft_unet_single_blocks_0_linear1", "transformer", "single_blocks_0_linear1"},
           {"lora_te_text_model_fc1", "text_encoder", "text_model_fc1"},
           {"lora_te1_text_model_fc1", "text_encoder", "text_model_fc1"},
           {"lora_te2_text_model_fc1", "text_encoder_2", "text_model_fc1"},
           {"lora_transformer_proj_out", "transformer", "proj_out"},
           {"lora_prior_unet_down_blocks_0", "prior", "down_blocks_0"},
           {"lycoris_model_layers_0", "", "model_layers_0"},
           {"clip_l.text_model.fc1", "text_encoder", "text_model.fc1"},
           {"clip_g.text_model.fc1", "text_encoder_2", "text_model.fc1"},
           {"t5.encoder.block.0", "", "encoder.block.0"},
           {"text_encoders.clip_g.transformer.text_model.fc1", "text_encoder_2", "text_model.fc1"},
           {"text_encoders.t5xxl.transformer.encoder.block.0", "", "encoder.block.0"},
           {"diffusion_model.double_blocks.0.img_mlp.0", "transformer",
            "double_blocks.0.img_mlp.0"},
           {"model.diffusion_model.middle_block.0", "unet", "middle_block.0"},
           {"cond_stage_model.transformer.text_model.fc1", "text_encoder", "text_model.fc1"},
           {"model.layers.0.q_proj", "", "model.layers.0.q_proj"},
           {"", "", ""},
       }) {
    EXPECT_EQ(parse_module_name(name).component, component) << name;
    EXPECT_EQ(parse_module_name(name).path, path) << name;
  }
}

TEST(ModuleName, IsFlattenedAsKohyasToolsDo) { EXPECT_EQ(flattened("a.b_c.0.d"), "a_b_c_0_d"); }

}  // namespace
}  // namespace oft
