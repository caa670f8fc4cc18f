#pragma once

#include <array>
#include <cstdint>

#include "job.h"

namespace oft::bench {

/// How wide a UNet is; Stable Diffusion 1.5's by default.
struct UNetWidths {
  std::array<std::int64_t, 4> channels = {320, 640, 1280, 1280};
  std::int64_t context = 768;
};

/// The 686 tensors of Stable Diffusion 1.5's UNet as diffusers names them, at any width.
std::vector<TensorShape> unet_tensors(const UNetWidths& widths);

/// PEFT's own example of an adapter for it: r = 8 on the transformers' layers.
OFTConfig unet_config();

}  // namespace oft::bench
