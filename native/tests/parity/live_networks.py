"""The small networks of the live cases, and how they become TorchScript."""

from __future__ import annotations

import copy
import io
from pathlib import Path

import torch
from torch import nn

from make_scripted import without_debug_records


class LinearNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(24, 40)
        self.fc2 = nn.Linear(40, 32)
        self.head = nn.Linear(32, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.fc2(torch.tanh(self.fc1(x)))))


class AttentionBlock(nn.Module):
    """A transformer block whose attention is made of Linear layers."""

    def __init__(self):
        super().__init__()
        self.heads = 4
        self.norm1 = nn.LayerNorm(24)
        self.query = nn.Linear(24, 24)
        self.key = nn.Linear(24, 24)
        self.value = nn.Linear(24, 24)
        self.dense = nn.Linear(24, 24)
        self.norm2 = nn.LayerNorm(24)
        self.up = nn.Linear(24, 48)
        self.down = nn.Linear(48, 24)

    def split(self, h: torch.Tensor) -> torch.Tensor:
        return h.unflatten(-1, [self.heads, -1]).transpose(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.norm1(x)
        query, key, value = self.split(self.query(h)), self.split(self.key(h)), self.value(h)
        scores = (query @ key.transpose(-2, -1) / 6**0.5).softmax(-1)
        x = x + self.dense((scores @ self.split(value)).transpose(1, 2).flatten(2))
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))


class MultiheadBlock(nn.Module):
    """The same with nn.MultiheadAttention, which uses its out_proj only by the weight."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(24, 4, batch_first=True)
        self.norm = nn.LayerNorm(24)
        self.up = nn.Linear(24, 48)
        self.down = nn.Linear(48, 24)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = x + self.attention(x, x, x, need_weights=False)[0]
        return h + self.down(torch.tanh(self.up(self.norm(h))))


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, stride=2, padding=1)
        self.grouped = nn.Conv2d(12, 16, (3, 1), padding=(2, 0), dilation=(2, 1), groups=2)
        self.pointwise = nn.Conv2d(16, 12, 1, stride=2, padding=1)
        self.last = nn.Conv2d(12, 8, 1, bias=False)
        self.head = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.tanh(self.grouped(torch.tanh(self.stem(x))))
        x = torch.tanh(self.last(torch.tanh(self.pointwise(x))))
        return self.head(x.mean([2, 3]))


class TokenNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(30, 24, padding_idx=0)
        self.mix = nn.Conv1d(24, 16, 3, padding=1)
        self.head = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(self.mix(self.tokens(x).transpose(1, 2)))
        return self.head(h.mean(2))


def images() -> torch.Tensor:
    return torch.randn(8, 3, 9, 10)


def token_ids() -> torch.Tensor:
    ids = torch.randint(1, 30, (12, 7))
    ids[:4, 5:] = 0
    return ids


# name -> class, dtype, input, whether traced
NETWORKS = {
    "linear": (LinearNet, torch.float32, lambda: torch.randn(16, 24), False),
    "linear64": (LinearNet, torch.float64, lambda: torch.randn(16, 24), True),
    "linear_bf16": (LinearNet, torch.bfloat16, lambda: torch.randn(16, 24), False),
    "linear_fp16": (LinearNet, torch.float16, lambda: torch.randn(16, 24), False),
    "attention": (AttentionBlock, torch.float32, lambda: torch.randn(4, 6, 24), True),
    "multihead": (MultiheadBlock, torch.float32, lambda: torch.randn(4, 6, 24), False),
    "conv": (ConvNet, torch.float32, images, False),
    "conv64": (ConvNet, torch.float64, images, True),
    "tokens": (TokenNet, torch.float32, token_ids, False),
    "tokens64": (TokenNet, torch.float64, token_ids, True),
}


class Network:
    """A base network with the data that it is trained on."""

    def __init__(self, name: str):
        torch.manual_seed(sorted(NETWORKS).index(name))
        make, self.dtype, make_input, self.traced = NETWORKS[name]
        self.name = name
        self.module = make().to(self.dtype).eval()
        self.input = make_input()
        if self.input.is_floating_point():
            self.input = self.input.to(self.dtype)
        with torch.no_grad():
            shape = self.module(self.input).shape
        # The loss is float32 at least.
        self.target = torch.randn(shape, dtype=torch.promote_types(self.dtype, torch.float32))

    def fresh(self) -> nn.Module:
        return copy.deepcopy(self.module)

    def write(self, path: Path) -> None:
        if self.traced:
            script = torch.jit.trace(self.fresh(), self.input)
        else:
            script = torch.jit.script(self.fresh())
        buffer = io.BytesIO()
        torch.jit.save(script, buffer)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(without_debug_records(buffer.getvalue()))
