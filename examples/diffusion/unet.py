"""Stable Diffusion 1.5's UNet at any width, with the names of diffusers' UNet2DConditionModel.

Widths of (320, 640, 1280, 1280), 32 groups and a context of 768 give its 686 tensors.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn.functional import gelu, interpolate, scaled_dot_product_attention

Tensor = torch.Tensor


@dataclass(frozen=True)
class UNetConfig:
    """The fields of unet/config.json that differ with the width."""

    block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280)
    cross_attention_dim: int = 768
    norm_num_groups: int = 32
    attention_head_dim: int = 8  # the number of heads, as in SD 1.5's file
    in_channels: int = 4
    out_channels: int = 4
    layers_per_block: int = 2
    sample_size: int = 64

    def document(self) -> dict:
        return {
            "_class_name": "UNet2DConditionModel",
            "act_fn": "silu",
            **asdict(self),
            "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
            "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
        }


class Timesteps(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        half = channels // 2
        self.frequencies = torch.exp(-math.log(10000) * torch.arange(half) / half)

    def forward(self, timestep: Tensor) -> Tensor:
        angles = timestep.reshape(-1, 1) * self.frequencies
        return torch.cat([angles.cos(), angles.sin()], dim=1)


class TimestepEmbedding(nn.Module):
    def __init__(self, channels: int, width: int):
        super().__init__()
        self.linear_1 = nn.Linear(channels, width)
        self.act = nn.SiLU()
        self.linear_2 = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_2(self.act(self.linear_1(x)))


class ResnetBlock2D(nn.Module):
    def __init__(self, config: UNetConfig, channels: int, out: int):
        super().__init__()
        groups, time_width = config.norm_num_groups, 4 * config.block_out_channels[0]
        self.norm1 = nn.GroupNorm(groups, channels, eps=1e-5)
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1)
        self.time_emb_proj = nn.Linear(time_width, out)
        self.norm2 = nn.GroupNorm(groups, out, eps=1e-5)
        self.dropout = nn.Dropout(0.0)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.nonlinearity = nn.SiLU()
        self.conv_shortcut = nn.Conv2d(channels, out, 1) if channels != out else None

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        hidden = self.conv1(self.nonlinearity(self.norm1(x)))
        hidden = hidden + self.time_emb_proj(self.nonlinearity(time))[:, :, None, None]
        hidden = self.conv2(self.dropout(self.nonlinearity(self.norm2(hidden))))
        return hidden + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class Attention(nn.Module):
    def __init__(self, width: int, context_width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context_width, width, bias=False)
        self.to_v = nn.Linear(context_width, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width), nn.Dropout(0.0)])

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        query, key, value = self.to_q(x), self.to_k(context), self.to_v(context)
        mixed = scaled_dot_product_attention(self.split(query), self.split(key), self.split(value))
        return self.to_out[1](self.to_out[0](mixed.transpose(1, 2).flatten(2)))


class GEGLU(nn.Module):
    def __init__(self, width: int, inner: int):
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        hidden, gate = self.proj(x).chunk(2, dim=-1)
        return hidden * gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        inner = 4 * width
        self.net = nn.ModuleList([GEGLU(width, inner), nn.Dropout(0.0), nn.Linear(inner, width)])

    def forward(self, x: Tensor) -> Tensor:
        for module in self.net:
            x = module(x)
        return x


class BasicTransformerBlock(nn.Module):
    def __init__(self, config: UNetConfig, width: int):
        super().__init__()
        heads = config.attention_head_dim
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = Attention(width, width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.attn2 = Attention(width, config.cross_attention_dim, heads)
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        own = self.norm1(x)
        x = x + self.attn1(own, own)
        x = x + self.attn2(self.norm2(x), context)
        return x + self.ff(self.norm3(x))


class Transformer2DModel(nn.Module):
    def __init__(self, config: UNetConfig, width: int):
        super().__init__()
        self.norm = nn.GroupNorm(config.norm_num_groups, width, eps=1e-6)
        self.proj_in = nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([BasicTransformerBlock(config, width)])
        self.proj_out = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        hidden = self.proj_in(self.norm(x))
        tokens = hidden.flatten(2).transpose(1, 2)
        for block in self.transformer_blocks:
            tokens = block(tokens, context)
        return x + self.proj_out(tokens.transpose(1, 2).reshape(hidden.shape))


class Downsample2D(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Upsample2D(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(interpolate(x, scale_factor=2.0, mode="nearest"))


class DownBlock(nn.Module):
    """DownBlock2D, or CrossAttnDownBlock2D; the last of the UNet does not downsample."""

    def __init__(self, config: UNetConfig, channels: int, out: int, attends: bool, last: bool):
        super().__init__()
        inputs = [channels] + [out] * (config.layers_per_block - 1)
        self.attentions = layers(Transformer2DModel(config, out) for _ in inputs if attends)
        self.resnets = layers(ResnetBlock2D(config, channels, out) for channels in inputs)
        self.downsamplers = None if last else layers([Downsample2D(out)])

    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> tuple[Tensor, list[Tensor]]:
        states = []
        for resnet, attention in pairs(self.resnets, self.attentions):
            x = resnet(x, time)
            x = x if attention is None else attention(x, context)
            states.append(x)
        for downsampler in self.downsamplers or ():
            x = downsampler(x)
            states.append(x)
        return x, states


class UpBlock(nn.Module):
    """UpBlock2D, or CrossAttnUpBlock2D; the last of the UNet does not upsample."""

    def __init__(self, config: UNetConfig, inputs: list[int], out: int, attends: bool, last: bool):
        super().__init__()
        self.attentions = layers(Transformer2DModel(config, out) for _ in inputs if attends)
        self.resnets = layers(ResnetBlock2D(config, channels, out) for channels in inputs)
        self.upsamplers = None if last else layers([Upsample2D(out)])

    def forward(self, x: Tensor, states: list[Tensor], time: Tensor, context: Tensor) -> Tensor:
        for resnet, attention in pairs(self.resnets, self.attentions):
            x = resnet(torch.cat([x, states.pop()], dim=1), time)
            x = x if attention is None else attention(x, context)
        for upsampler in self.upsamplers or ():
            x = upsampler(x)
        return x


class MidBlock(nn.Module):
    def __init__(self, config: UNetConfig, width: int):
        super().__init__()
        self.attentions = layers([Transformer2DModel(config, width)])
        self.resnets = layers(ResnetBlock2D(config, width, width) for _ in range(2))

    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        x = self.attentions[0](self.resnets[0](x, time), context)
        return self.resnets[1](x, time)


class UNet2DConditionModel(nn.Module):
    """sample [n, 4, h, w], timestep [n], encoder_hidden_states [n, tokens, context] -> noise, as
    sample; h and w are multiples of 8."""

    def __init__(self, config: UNetConfig):
        super().__init__()
        widths = config.block_out_channels
        last = len(widths) - 1
        self.conv_in = nn.Conv2d(config.in_channels, widths[0], 3, padding=1)
        self.time_proj = Timesteps(widths[0])
        self.time_embedding = TimestepEmbedding(widths[0], 4 * widths[0])
        self.down_blocks = nn.ModuleList()
        skipped = [widths[0]]  # the channels of the states that the way up takes, last one first
        channels = widths[0]
        for i, out in enumerate(widths):
            self.down_blocks.append(DownBlock(config, channels, out, i < last, i == last))
            skipped += [out] * (config.layers_per_block + (i < last))
            channels = out
        self.up_blocks = nn.ModuleList()
        for i, out in enumerate(reversed(widths)):
            inputs = []
            for _ in range(config.layers_per_block + 1):
                inputs.append(channels + skipped.pop())
                channels = out
            self.up_blocks.append(UpBlock(config, inputs, out, i > 0, i == last))
        self.mid_block = MidBlock(config, widths[-1])
        self.conv_norm_out = nn.GroupNorm(config.norm_num_groups, widths[0], eps=1e-5)
        self.conv_act = nn.SiLU()
        self.conv_out = nn.Conv2d(widths[0], config.out_channels, 3, padding=1)

    def forward(self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor) -> Tensor:
        time = self.time_embedding(self.time_proj(timestep).type_as(sample))
        x = self.conv_in(sample)
        states = [x]
        for block in self.down_blocks:
            x, more = block(x, time, encoder_hidden_states)
            states += more
        x = self.mid_block(x, time, encoder_hidden_states)
        for block in self.up_blocks:
            x = block(x, states, time, encoder_hidden_states)
        return self.conv_out(self.conv_act(self.conv_norm_out(x)))


def layers(modules) -> nn.ModuleList | None:
    """None where there are none: an empty list would be a module of its own."""
    return nn.ModuleList(modules) or None


def pairs(resnets: nn.ModuleList, attentions: nn.ModuleList | None):
    return zip(resnets, attentions or [None] * len(resnets), strict=True)
