#include "unet.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace oft::bench {
namespace {

constexpr std::int64_t kLatents = 4;  // channels of what the UNet takes and gives
constexpr int kResnets = 2;           // of a block on the way down; one more on the way up

/// Collects tensors block by block, as diffusers' UNet2DConditionModel builds its modules.
class Builder {
 public:
  explicit Builder(const UNetWidths& widths)
      : widths_(widths), time_(4 * widths.channels.front()) {}

  std::vector<TensorShape> build() {
    const auto& channels = widths_.channels;
    convolution("conv_in", kLatents, channels.front(), 3);
    linear("time_embedding.linear_1", channels.front(), time_);
    linear("time_embedding.linear_2", time_, time_);
    skipped_ = {channels.front()};
    std::int64_t width = channels.front();
    for (std::size_t i = 0; i < channels.size(); ++i)
      width = down("down_blocks." + std::to_string(i), width, channels[i],
                   /*last=*/i + 1 == channels.size());
    resnet("mid_block.resnets.0", width, width);
    transformer("mid_block.attentions.0", width);
    resnet("mid_block.resnets.1", width, width);
    for (std::size_t i = 0; i < channels.size(); ++i)
      width = up("up_blocks." + std::to_string(i), width, channels[channels.size() - 1 - i],
                 /*first=*/i == 0, /*last=*/i + 1 == channels.size());
    norm("conv_norm_out", width);
    convolution("conv_out", width, kLatents, 3);
    return std::move(tensors_);
  }

 private:
  std::int64_t down(const std::string& name, std::int64_t in, std::int64_t out, bool last) {
    for (int i = 0; i < kResnets; ++i) {
      const std::string index = std::to_string(i);
      resnet(name + ".resnets." + index, i == 0 ? in : out, out);
      if (!last) transformer(name + ".attentions." + index, out);
      skipped_.push_back(out);
    }
    if (!last) {
      convolution(name + ".downsamplers.0.conv", out, out, 3);
      skipped_.push_back(out);
    }
    return out;
  }

  std::int64_t up(const std::string& name, std::int64_t in, std::int64_t out, bool first,
                  bool last) {
    for (int i = 0; i <= kResnets; ++i) {
      const std::string index = std::to_string(i);
      resnet(name + ".resnets." + index, (i == 0 ? in : out) + skipped_.back(), out);
      if (!first) transformer(name + ".attentions." + index, out);
      skipped_.pop_back();
    }
    if (!last) convolution(name + ".upsamplers.0.conv", out, out, 3);
    return out;
  }

  void resnet(const std::string& name, std::int64_t in, std::int64_t out) {
    norm(name + ".norm1", in);
    convolution(name + ".conv1", in, out, 3);
    linear(name + ".time_emb_proj", time_, out);
    norm(name + ".norm2", out);
    convolution(name + ".conv2", out, out, 3);
    if (in != out) convolution(name + ".conv_shortcut", in, out, 1);
  }

  void transformer(const std::string& name, std::int64_t width) {
    norm(name + ".norm", width);
    convolution(name + ".proj_in", width, width, 1);
    const std::string block = name + ".transformer_blocks.0";
    for (const char* index : {"1", "2", "3"}) norm(block + ".norm" + index, width);
    attention(block + ".attn1", width, width);
    attention(block + ".attn2", width, widths_.context);
    linear(block + ".ff.net.0.proj", width, 8 * width);
    linear(block + ".ff.net.2", 4 * width, width);
    convolution(name + ".proj_out", width, width, 1);
  }

  void attention(const std::string& name, std::int64_t width, std::int64_t context) {
    add(name + ".to_q.weight", {width, width});
    add(name + ".to_k.weight", {width, context});
    add(name + ".to_v.weight", {width, context});
    linear(name + ".to_out.0", width, width);
  }

  void norm(const std::string& name, std::int64_t width) {
    add(name + ".weight", {width});
    add(name + ".bias", {width});
  }

  void linear(const std::string& name, std::int64_t in, std::int64_t out) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  }

  void convolution(const std::string& name, std::int64_t in, std::int64_t out,
                   std::int64_t kernel) {
    add(name + ".weight", {out, in, kernel, kernel});
    add(name + ".bias", {out});
  }

  void add(std::string name, std::vector<std::int64_t> shape) {
    tensors_.push_back({std::move(name), std::move(shape)});
  }

  UNetWidths widths_;
  std::int64_t time_;
  std::vector<std::int64_t> skipped_;  // the channels of the states that the way up takes
  std::vector<TensorShape> tensors_;
};

}  // namespace

std::vector<TensorShape> unet_tensors(const UNetWidths& widths) { return Builder(widths).build(); }

OFTConfig unet_config() {
  OFTConfig config;
  config.r = 8;
  config.target_modules = std::vector<std::string>{
      "proj_in", "proj_out", "to_k", "to_q", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2"};
  return config;
}

}  // namespace oft::bench
