"""Single layers through PEFT: writes layers.safetensors and layers.json (see README.md)."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from functools import partial
from pathlib import Path

import torch
from peft import OFTConfig, PeftModel, get_peft_model
from torch import nn

from files import (
    Tensors,
    load_file,
    randomize_rotations,
    save_adapter,
    versions,
    write_lines,
    write_tensors,
)


@dataclasses.dataclass(frozen=True)
class Case:
    """One layer and one adapter. `features` is what the layer takes in: in_features, in_channels
    or embedding_dim; `terms` is None for the exact Cayley transform; `file_dtype` is the dtype of
    the rotation in the adapter file, which PEFT loads into its own parameter."""

    kind: str
    features: int
    block_size: int = 0
    r: int = 0
    terms: int | None = None
    share: bool = False
    coft: float | None = None
    kernel: int = 1
    dtype: str = "float32"
    file_dtype: str | None = None
    sigma: float = 0.15

    @property
    def name(self) -> str:
        parts = [self.kind, f"d{self.features}"]
        parts += [f"k{self.kernel}"] if self.kind == "conv2d" else []
        parts += [f"r{self.r}"] if self.r else [f"b{self.block_size}"]
        parts += ["exact"] if self.terms is None else [f"neumann{self.terms}"]
        parts += ["shared"] if self.share else []
        parts += [f"coft{self.coft:g}"] if self.coft is not None else []
        parts += [self.dtype]
        parts += [f"file-{self.file_dtype}"] if self.file_dtype else []
        return "-".join(parts)

    def layer(self) -> nn.Module:
        if self.kind == "linear":
            layer = nn.Linear(self.features, 5)
        elif self.kind == "conv2d":
            layer = nn.Conv2d(self.features, 4, self.kernel)
        else:
            layer = nn.Embedding(9, self.features)
        return layer.to(getattr(torch, self.dtype))

    def config(self) -> OFTConfig:
        return OFTConfig(
            r=self.r,
            oft_block_size=self.block_size,
            target_modules=["layer"],
            use_cayley_neumann=self.terms is not None,
            num_cayley_neumann_terms=5 if self.terms is None else self.terms,
            block_share=self.share,
            coft=self.coft is not None,
            eps=6e-5 if self.coft is None else self.coft,
        )

    def input(self) -> torch.Tensor | None:
        """What the unmerged forward is recorded for; none where PEFT's is wrong (kernels > 1)."""
        dtype = getattr(torch, self.dtype)
        if self.kind == "linear":
            return torch.randn(3, self.features, dtype=dtype)
        if self.kind == "embedding":
            return torch.tensor([[0, 3, 8], [5, 3, 1]])
        return torch.randn(2, self.features, 3, 4, dtype=dtype) if self.kernel == 1 else None


class Host(nn.Module):
    """PEFT adapts the children of a module, never the module itself."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)


def cases() -> list[Case]:
    linear, conv, embedding = (partial(Case, kind) for kind in ("linear", "conv2d", "embedding"))
    half = ("bfloat16", "float16")
    return [
        # block sizes: dividing, adjusted up and down, larger than d, one, single block, odd
        linear(24, 8),
        linear(10, 4),
        linear(10, 3),
        linear(12, 9),
        linear(7, 4),
        linear(8, 32),
        linear(6, 1),
        linear(36, 17),
        linear(64, 32, sigma=0.05),
        linear(34, 17, terms=5, sigma=0.05),
        linear(48, 16, terms=5, sigma=0.05),
        linear(12, r=5),
        linear(24, r=3),
        linear(6, r=9),
        linear(20, r=8, terms=5),
        # the number of terms
        *(linear(12, 4, terms=n) for n in (0, 1, 2, 3, 4, 5, 6, 8)),
        *(linear(12, 4, terms=n, dtype="float64") for n in (2, 3, 4, 5, 6, 8)),
        linear(15, 5, dtype="float64"),
        # one block shared by all
        linear(24, 8, share=True),
        linear(20, r=4, terms=5, share=True),
        linear(12, 4, share=True, dtype="float64"),
        # COFT: clipped, frozen by the default radius, within the radius
        linear(24, 8, coft=0.1),
        linear(24, 8, coft=6e-5),
        linear(24, 8, coft=10.0),
        linear(12, 4, terms=5, coft=0.1),
        linear(12, 4, terms=5, coft=0.1, share=True),
        linear(12, 4, coft=6e-5, share=True),
        linear(15, 5, coft=0.1, dtype="float64"),
        linear(15, 5, terms=6, coft=0.1, share=True, dtype="float64"),
        # 16-bit weights, and rotations stored in 16 bits
        *(linear(24, 8, dtype=dtype) for dtype in half),
        *(linear(24, 8, terms=5, dtype=dtype) for dtype in half),
        linear(24, 8, share=True, dtype="bfloat16"),
        linear(24, 8, coft=0.1, dtype="float16"),
        linear(24, 8, dtype="bfloat16", file_dtype="bfloat16"),
        linear(24, 8, terms=5, dtype="float16", file_dtype="float16"),
        linear(24, 8, file_dtype="bfloat16"),
        linear(24, 8, file_dtype="float64"),
        # convolutions: rotated dimension = channels x kernel x kernel
        conv(12, 4, kernel=1),
        conv(12, r=3, terms=5, share=True, kernel=1),
        conv(2, 6, kernel=3),
        conv(2, 4, kernel=3, terms=5),
        conv(2, r=3, kernel=3, share=True),
        conv(3, 4, kernel=2, terms=5, dtype="float64"),
        conv(3, 6, kernel=2, coft=0.1),
        conv(4, 12, kernel=3, dtype="bfloat16"),
        conv(3, 4, kernel=2, terms=5, dtype="float16"),
        # embeddings: rotated dimension = embedding_dim
        embedding(12, 4),
        embedding(12, 4, terms=5),
        embedding(20, r=8),
        embedding(12, 6, terms=5, share=True),
        embedding(12, 4, coft=0.1),
        embedding(12, 4, dtype="float64"),
        embedding(24, 8, terms=5, dtype="bfloat16"),
        embedding(24, 8, dtype="float16"),
    ]


def run(case: Case) -> tuple[dict, Tensors]:
    """The case as the adapter file stores it and PEFT, having loaded that file, computes it."""
    layer = case.layer()
    base = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    generator = torch.Generator().manual_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        adapted = get_peft_model(Host(layer), case.config())
        randomize_rotations(adapted, case.sigma, generator)
        save_adapter(adapted, Path(folder))
        file = Path(folder) / "adapter_model.safetensors"
        stored = load_file(file)
        if case.file_dtype:
            stored = {k: v.to(getattr(torch, case.file_dtype)) for k, v in stored.items()}
            write_tensors(file, stored)
        config = json.loads((Path(folder) / "adapter_config.json").read_text())

        def load() -> PeftModel:
            fresh = case.layer()
            fresh.load_state_dict(base)
            return PeftModel.from_pretrained(Host(fresh), folder).eval()

        tensors = {**base, "q": next(iter(stored.values()))}
        x = case.input()
        if x is not None:
            with torch.no_grad():
                tensors |= {"x": x, "y": load()(x)}
        adapted = load()
    oft = adapted.base_model.model.layer
    b, blocks = oft.oft_block_size["default"], oft.r["default"]
    dense = oft.get_delta_weight("default").detach()
    rows = 1 if case.share else blocks
    tensors["R"] = torch.stack([dense[i : i + b, i : i + b] for i in range(0, rows * b, b)])
    if case.coft is not None:
        rotation = (oft.oft_R if case.kind != "embedding" else oft.oft_embedding_R)["default"]
        tensors["q_after"] = rotation.weight.detach()
    tensors["merged"] = adapted.merge_and_unload().layer.weight.detach()
    record = {
        "name": case.name,
        "kind": case.kind,
        "dtype": case.dtype,
        "rotated_dim": dense.shape[0],
        "block_size": b,
        "blocks": blocks,
        "config": config,
        "tensors": sorted(tensors),
    }
    return record, {f"{case.name}.{key}": tensor for key, tensor in tensors.items()}


def write(data: Path) -> None:
    torch.manual_seed(0)
    records, tensors = [], {}
    for case in cases():
        record, case_tensors = run(case)
        assert tensors.keys().isdisjoint(case_tensors), f"two cases are named {case.name}"
        records.append(record)
        tensors |= case_tensors
    write_tensors(data / "layers.safetensors", tensors)
    write_lines(data / "layers.json", {"made_with": versions()}, "cases", records)
