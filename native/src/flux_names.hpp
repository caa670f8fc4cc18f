#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace oft {

/// What the original code of FLUX.1 calls a module of diffusers' FluxTransformer2DModel; nothing
/// for other modules. Where one Linear of the original is several of diffusers, a number follows:
/// `double_blocks.0.img_attn.qkv.1` is `transformer_blocks.0.attn.to_k`.
std::optional<std::string> original_flux_name(std::string_view path);

}  // namespace oft
