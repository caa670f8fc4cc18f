#include "module_name.hpp"

#include <algorithm>
#include <array>

namespace oft {
namespace {

/// `lora_unet_` is in front of any denoiser, be it a UNet or a transformer.
constexpr std::string_view kDenoiser = "denoiser";

struct Prefix {
  std::string_view text;
  std::string_view component;
};

constexpr std::array kPrefixes{
    Prefix{"model.diffusion_model.", kDenoiser},
    Prefix{"diffusion_model.", kDenoiser},
    Prefix{"unet.", "unet"},
    Prefix{"transformer.", "transformer"},
    Prefix{"prior.", "prior"},
    Prefix{"text_encoder.", "text_encoder"},
    Prefix{"text_encoder_2.", "text_encoder_2"},
    Prefix{"text_encoder_3.", "text_encoder_3"},
    Prefix{"text_encoder_4.", "text_encoder_4"},
    Prefix{"cond_stage_model.transformer.", "text_encoder"},
    Prefix{"conditioner.embedders.0.transformer.", "text_encoder"},
    Prefix{"text_encoders.clip_l.transformer.", "text_encoder"},
    Prefix{"text_encoders.clip_g.transformer.", "text_encoder_2"},
    Prefix{"text_encoders.t5xxl.transformer.", ""},
    Prefix{"clip_l.", "text_encoder"},
    Prefix{"clip_g.", "text_encoder_2"},
    Prefix{"t5.", ""},
    Prefix{"lora_unet_", kDenoiser},
    Prefix{"oft_unet_", kDenoiser},
    Prefix{"lora_transformer_", "transformer"},
    Prefix{"lora_prior_unet_", "prior"},
    Prefix{"lora_te_", "text_encoder"},
    Prefix{"lora_te1_", "text_encoder"},
    Prefix{"lora_te2_", "text_encoder_2"},
    Prefix{"lora_te3_", "text_encoder_3"},
    Prefix{"lora_te4_", "text_encoder_4"},
    Prefix{"lycoris_", ""},
};

/// First words of a UNet's paths, in diffusers and in CompVis' code.
constexpr std::array kUNetWords{"down_blocks",  "mid_block",    "up_blocks",     "conv_in",
                                "conv_out",     "time_embed",   "add_embedding", "conv_norm_out",
                                "input_blocks", "middle_block", "output_blocks", "label_emb",
                                "out.",         "out_0",        "out_2"};

bool is_in_unet(std::string_view path) {
  return std::any_of(kUNetWords.begin(), kUNetWords.end(),
                     [&](const char* word) { return path.starts_with(word); });
}

}  // namespace

ModuleName parse_module_name(std::string_view name) {
  for (const Prefix& prefix : kPrefixes) {
    if (!name.starts_with(prefix.text)) continue;
    const std::string_view path = name.substr(prefix.text.size());
    std::string_view component = prefix.component;
    if (component == kDenoiser) component = is_in_unet(path) ? "unet" : "transformer";
    return {std::string(component), std::string(path)};
  }
  return {"", std::string(name)};
}

std::string flattened(std::string_view path) {
  std::string flat(path);
  std::replace(flat.begin(), flat.end(), '.', '_');
  return flat;
}

}  // namespace oft
