#pragma once

#include <string>
#include <string_view>

namespace oft {

/// A layer of a diffusion pipeline as files name it.
struct ModuleName {
  std::string component;  ///< folder of a diffusers pipeline; empty where the name does not say
  std::string path;       ///< within the component; dots may be underscores
};

/// Takes the component off the front of a name: `unet.` of diffusers, `lora_unet_` and `lora_te1_`
/// of kohya, `oft_unet_`, `lycoris_`, `clip_l.` of OMI, `text_encoders.clip_l.transformer.` of
/// ComfyUI, `model.diffusion_model.` of original checkpoints, ... A name without is all path. What
/// several text encoders can be (`t5.`) and what any model can be (`lycoris_`) has no component.
ModuleName parse_module_name(std::string_view name);

/// `path` with underscores for dots, as kohya's tools write it.
std::string flattened(std::string_view path);

}  // namespace oft
