"""Writes ../data/scripts/*.pt: small TorchScript models of every structure that live models meet.

The same bytes each time where PYTHONHASHSEED=0.
"""

import io
from pathlib import Path
from typing import Optional

import torch
from make_scripted import without_debug_records
from torch import Tensor, nn


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(16, 32)
        self.fc2 = nn.Linear(32, 32)
        self.head = nn.Linear(32, 4, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.fc2(torch.relu(self.fc1(x)))))


class Attention(nn.Module):
    """A transformer block: MultiheadAttention reads out_proj.weight and never calls out_proj."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(32)
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
        self.norm2 = nn.LayerNorm(32)
        self.up = nn.Linear(32, 64)
        self.down = nn.Linear(64, 32)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm1(x)
        x = x + self.attention(h, h, h, need_weights=False)[0]
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))


class Convolutions(nn.Module):
    """x [n, 8, 12, 10] -> [n, 5]."""

    def __init__(self) -> None:
        super().__init__()
        self.padded = nn.Conv2d(8, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.pointwise = nn.Conv2d(16, 16, 1, bias=False)
        self.strided = nn.Conv2d(16, 16, 3, stride=2, padding=1)
        self.grouped = nn.Conv2d(16, 16, 3, padding=1, groups=4)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.oblong = nn.Conv2d(16, 8, (1, 3), padding=(0, 1))
        self.dilated = nn.Conv2d(8, 8, 3, padding=2, dilation=2)
        self.line = nn.Conv1d(8, 8, 3, padding=1)
        self.grouped_line = nn.Conv1d(8, 8, 3, padding=1, groups=2)
        self.upsampled = nn.ConvTranspose1d(8, 8, 2, stride=2)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.padded(x)))
        x = torch.relu(self.strided(self.pointwise(x)))
        x = torch.relu(self.depthwise(self.grouped(x)))
        x = torch.relu(self.dilated(self.oblong(x)))
        x = torch.relu(self.grouped_line(self.line(x.flatten(2))))
        return self.head(self.upsampled(x).mean(-1))


class Embedded(nn.Module):
    """ids [n, length] -> [n, 4]; id 0 is padding."""

    def __init__(self, max_norm: Optional[float] = None) -> None:
        super().__init__()
        self.tokens = nn.Embedding(20, 16, padding_idx=0, max_norm=max_norm)
        self.head = nn.Linear(16, 4)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.tokens(ids).mean(1))


class Tied(nn.Module):
    """ids [n, length] -> [n, length, 20]; lm_head.weight is tokens.weight."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(20, 16)
        self.fc = nn.Linear(16, 16)
        self.lm_head = nn.Linear(16, 20, bias=False)
        self.lm_head.weight = self.tokens.weight

    def forward(self, ids: Tensor) -> Tensor:
        return self.lm_head(torch.tanh(self.fc(self.tokens(ids))))


class Structures(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(
        self,
        pair: tuple[Tensor, Tensor],
        many: list[Tensor],
        named: dict[str, Tensor],
        bias: Optional[Tensor] = None,
        times: int = 2,
        scale: float = 1.0,
        negate: bool = False,
        key: str = "sum",
    ) -> tuple[Tensor, list[Tensor], dict[str, Tensor], Optional[Tensor], int, float, bool, str]:
        total = self.fc(pair[0] + pair[1]) * scale
        if negate:
            total = -total
        if bias is not None:
            total = total + bias
        outputs = [self.fc(x) for x in many] * times
        named[key] = total
        return total, outputs, named, bias, times, scale, negate, key

    @torch.jit.export
    def scaled(self, x: Tensor, factors: list[float], shape: Optional[list[int]] = None) -> Tensor:
        for factor in factors:
            x = x * factor
        return x if shape is None else x.reshape(shape)


class Shared(nn.Module):
    """One Linear under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(16, 16)
        self.second = self.first
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.second(torch.tanh(self.first(x)))))


class Dropout(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 16)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.fc(x))


class Conv1D(nn.Module):
    """As transformers has it: a Linear whose weight is [in, out]."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features, outputs) / 4)
        self.bias = nn.Parameter(torch.randn(outputs) / 4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x, self.weight)


class Gpt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c_attn = Conv1D(16, 24)
        self.c_proj = Conv1D(24, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(torch.tanh(self.c_attn(x)))


class Branches(nn.Module):
    """A list of equal layers, some behind a condition, a loop and a method of their owner."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(16, 16) for _ in range(3))
        self.head = nn.Linear(16, 16)

    def twice(self, x: Tensor) -> Tensor:
        for _ in range(2):
            x = torch.tanh(self.head(x))
        return x

    def forward(self, x: Tensor, deep: bool = True) -> Tensor:
        if deep:
            for layer in self.layers:
                x = torch.tanh(layer(x))
        return self.twice(x)


def save(name: str, module: torch.jit.ScriptModule) -> None:
    buffer = io.BytesIO()
    torch.jit.save(module, buffer)
    folder = Path(__file__).parents[1] / "data" / "scripts"
    (folder / f"{name}.pt").write_bytes(without_debug_records(buffer.getvalue()))


def both(name: str, module: nn.Module, example: Tensor) -> None:
    save(f"{name}_scripted", torch.jit.script(module))
    save(f"{name}_traced", torch.jit.trace(module, example, check_trace=False))


def main() -> None:
    torch.manual_seed(0)
    mlp = Mlp().eval()
    both("mlp", mlp, torch.randn(2, 16))
    both("attention", Attention().eval(), torch.randn(2, 5, 32))
    both("conv", Convolutions().eval(), torch.randn(2, 8, 12, 10))
    ids = torch.randint(20, (2, 5))
    both("embedding", Embedded().eval(), ids)
    both("tied", Tied().eval(), ids)
    both("shared", Shared().eval(), torch.randn(2, 16))
    save("max_norm_traced", torch.jit.trace(Embedded(max_norm=0.5).eval(), ids, check_trace=False))
    save("structures_scripted", torch.jit.script(Structures().eval()))
    save("branches_scripted", torch.jit.script(Branches().eval()))
    save("conv1d_scripted", torch.jit.script(Gpt().eval()))
    save("dropout_scripted", torch.jit.script(Dropout()))
    save("frozen", torch.jit.freeze(torch.jit.script(mlp)))


if __name__ == "__main__":
    main()
