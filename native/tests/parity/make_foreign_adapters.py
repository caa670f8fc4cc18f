"""Adapters of other makers than PEFT, and what their makers' own formulas merge.

usage: make_foreign_adapters.py [DATA]          writes DATA/foreign (see README.md for the files)

The formulas are written down from the makers' sources, in float64 and as those write them, so that
they are independent of how oft does it:

LyCORIS      KohakuBlueleaf/LyCORIS f49d30d: lycoris/modules/diag_oft.py (get_r, make_weight),
             lycoris/modules/boft.py (the same), c143299: lycoris/modules/diag_oft.py
             (custom_state_dict: `oft_diag`); Apache-2.0
kohya        kohya-ss/sd-scripts 48d368fa: networks/oft.py, networks/oft_flux.py (get_weight,
             forward); Apache-2.0
OneTrainer   Nerogar/OneTrainer 23df3832: modules/module/oft_utils.py (_cayley_batch),
             modules/module/LoRAModule.py (OFTModule.forward); read only, AGPL-3.0
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from files import Tensors, write_json, write_tensors

# What the two codes call the same module, with shapes of no real model.
UNET = {
    "conv_in": ("input_blocks.0.0", (8, 2, 3, 3)),
    "time_embedding.linear_2": ("time_embed.2", (12, 6)),
    "down_blocks.0.resnets.0.conv1": ("input_blocks.1.0.in_layers.2", (8, 4, 3, 3)),
    "down_blocks.0.resnets.1.time_emb_proj": ("input_blocks.2.0.emb_layers.1", (8, 12)),
    "down_blocks.0.attentions.0.proj_in": ("input_blocks.1.1.proj_in", (8, 8, 1, 1)),
    "down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q": (
        "input_blocks.2.1.transformer_blocks.0.attn1.to_q",
        (8, 8),
    ),
    "down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_k": (
        "input_blocks.2.1.transformer_blocks.0.attn2.to_k",
        (8, 12),
    ),
    "down_blocks.0.downsamplers.0.conv": ("input_blocks.3.0.op", (8, 2, 3, 3)),
    "down_blocks.1.resnets.0.conv_shortcut": ("input_blocks.4.0.skip_connection", (12, 8, 1, 1)),
    "mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0": (
        "middle_block.1.transformer_blocks.0.attn1.to_out.0",
        (12, 12),
    ),
    "mid_block.resnets.1.conv2": ("middle_block.2.out_layers.3", (12, 2, 3, 3)),
    "up_blocks.0.upsamplers.0.conv": ("output_blocks.2.1.conv", (12, 2, 3, 3)),
    "up_blocks.1.resnets.2.conv1": ("output_blocks.5.0.in_layers.2", (8, 2, 3, 3)),
    "up_blocks.1.attentions.2.transformer_blocks.0.ff.net.0.proj": (
        "output_blocks.5.1.transformer_blocks.0.ff.net.0.proj",
        (16, 8),
    ),
    "up_blocks.1.upsamplers.0.conv": ("output_blocks.5.2.conv", (8, 2, 3, 3)),
    "conv_out": ("out.2", (4, 4, 3, 3)),
}
TEXT_ENCODER = {
    "text_model.encoder.layers.0.self_attn.q_proj": (8, 8),
    "text_model.encoder.layers.0.mlp.fc1": (16, 8),
    "text_model.encoder.layers.1.self_attn.out_proj": (8, 8),
}
# FLUX: q, k and v of a double block are one Linear; q, k, v and the MLP of a single one.
TRANSFORMER = {
    "double_blocks.0.img_attn.qkv": (24, 8),
    "double_blocks.0.img_mlp.0": (12, 8),
    "single_blocks.0.linear1": (36, 8),
}
FLUX_SPLITS = {"double_blocks.0.img_attn.qkv": [8] * 3, "single_blocks.0.linear1": [8] * 3 + [12]}

generator = torch.Generator().manual_seed(6)


def normal(*shape: int, sigma: float = 1.0) -> torch.Tensor:
    """What a file holds: float32."""
    return sigma * torch.randn(shape, generator=generator)


def skew(blocks: torch.Tensor) -> torch.Tensor:
    return blocks.double() - blocks.double().transpose(-1, -2)


def turned_left(q: torch.Tensor) -> torch.Tensor:
    """R of LyCORIS and kohya."""
    identity = torch.eye(q.shape[-1], dtype=q.dtype)
    return (identity + q) @ torch.linalg.inv(identity - q)


def grouped(r: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """R^T of each group of rows, as LyCORIS' diag-oft and kohya have it."""
    k, n, _ = r.shape
    groups = weight.reshape(k, n, *weight.shape[1:])
    return torch.einsum("k n m, k n ... -> k m ...", r, groups).reshape(weight.shape)


def lycoris_constrained(blocks: torch.Tensor, alpha: float, outputs: int) -> torch.Tensor:
    q = skew(blocks)
    constraint = alpha * outputs
    if constraint > 0:
        norm = torch.linalg.vector_norm(q) + 1e-8
        if norm > constraint:
            q = q * constraint / norm
    return q


def lycoris_diag(weight: torch.Tensor, parts: Tensors) -> torch.Tensor:
    alpha = float(parts.get("alpha", torch.tensor(0.0)))
    r = turned_left(lycoris_constrained(parts["oft_blocks"], alpha, weight.shape[0]))
    return parts.get("rescale", torch.ones(())).double() * grouped(r, weight)


def lycoris_boft(weight: torch.Tensor, parts: Tensors) -> torch.Tensor:
    alpha = float(parts.get("alpha", torch.tensor(0.0)))
    r = turned_left(lycoris_constrained(parts["oft_blocks"], alpha, weight.shape[0]))
    stages, _, b, _ = r.shape
    result = weight
    for i in range(stages):
        g, k = 2, 2**i * (b // 2)
        result = result.unflatten(0, (-1, g, k)).transpose(1, 2).flatten(0, 2)
        result = torch.einsum("b i j, b j ... -> b i ...", r[i], result.unflatten(0, (-1, b)))
        result = result.flatten(0, 1).unflatten(0, (-1, k, g)).transpose(1, 2).flatten(0, 2)
    return result * parts.get("rescale", torch.ones(())).double()


def kohya_rotation(blocks: torch.Tensor, alpha: float) -> torch.Tensor:
    q = skew(blocks)
    norm = torch.linalg.vector_norm(q.flatten())
    limited = torch.clamp(norm, max=alpha * blocks.shape[0] * blocks.shape[1])
    return turned_left(q * ((limited + 1e-8) / (norm + 1e-8)))


def kohya(weight: torch.Tensor, parts: Tensors) -> torch.Tensor:
    alpha = float(parts["alpha"])
    if "oft_blocks" in parts:
        return grouped(kohya_rotation(parts["oft_blocks"], alpha), weight)
    results, begin = [], 0
    for i in range(sum(name.startswith("oft_blocks.") for name in parts)):
        r = kohya_rotation(parts[f"oft_blocks.{i}"], alpha)
        end = begin + r.shape[0] * r.shape[1]
        results.append(grouped(r, weight[begin:end]))
        begin = end
    return torch.cat(results)


def onetrainer(weight: torch.Tensor, parts: Tensors) -> torch.Tensor:
    vector = parts["oft_R.weight"].double()
    rows, count = vector.shape
    b = int((1 + math.isqrt(1 + 8 * count)) // 2)
    if "oft_R.scaled_oft" in parts:
        vector = vector / (2 * math.sqrt(b - 1))
    q = torch.zeros(rows, b, b, dtype=torch.float64)
    q[:, *torch.triu_indices(b, b, 1)] = vector
    q = q - q.transpose(1, 2)
    r = torch.eye(b, dtype=torch.float64) + 2 * q + 2 * q @ q + 2 * q @ q @ q + q @ q @ q @ q
    flat = weight.reshape(weight.shape[0], -1, b)
    r = r.expand(flat.shape[1], b, b)
    if weight.dim() == 4:  # rotated as OFTModule.forward does it
        return torch.einsum("o r k, r k c -> o r c", flat, r).reshape(weight.shape)
    return torch.einsum("o r k, r c k -> o r c", flat, r).reshape(weight.shape)  # x R W^T


def ldm(name: str) -> str:
    return UNET[name][0]


def flat(name: str) -> str:
    return name.replace(".", "_")


def blocks_of(outputs: int, b: int, sigma: float) -> torch.Tensor:
    return normal(outputs // b, b, b, sigma=sigma)


def lycoris_diag_parts(number: int, shape: tuple[int, ...]) -> Tensors:
    """Of both kinds of limits, of no limit (0, absent), with and without `rescale`."""
    parts = {"oft_blocks": blocks_of(shape[0], 4, 0.2)}
    if number % 4 != 3:
        parts["alpha"] = torch.tensor([0.05, 1.0, 0.0][number % 4])
    if number % 3 == 1:
        parts["rescale"] = 1 + normal(shape[0], *[1] * (len(shape) - 1), sigma=0.2)
    return parts


def lycoris_boft_parts(number: int, shape: tuple[int, ...]) -> Tensors:
    b = 4
    blocks = shape[0] // b
    stages = (blocks & -blocks).bit_length()  # as many as fit; LyCORIS' own count is not more
    parts = {
        "oft_blocks": normal(stages, blocks, b, b, sigma=0.2),
        "alpha": torch.tensor([0.1, 0.0][number % 2]),
    }
    if number % 3 == 1:
        parts["rescale"] = 1 + normal(shape[0], *[1] * (len(shape) - 1), sigma=0.2)
    return parts


def kohya_parts(number: int, shape: tuple[int, ...]) -> Tensors:
    alpha = 0.0 if number == 2 else 0.02 if number % 2 == 0 else 1.0
    return {"oft_blocks": blocks_of(shape[0], 4, 0.2), "alpha": torch.tensor(alpha)}


def flux_parts(name: str, shape: tuple[int, ...]) -> Tensors:
    splits = FLUX_SPLITS.get(name, [shape[0]])
    parts = {f"oft_blocks.{i}": blocks_of(s, s // 4, 0.2) for i, s in enumerate(splits)}
    return parts | {"alpha": torch.tensor(0.05)}


def onetrainer_parts(shape: tuple[int, ...], shared: bool) -> Tensors:
    inputs, b = math.prod(shape[1:]), 2 if shared else 4
    b = max(size for size in range(1, 7) if inputs % size == 0) if not shared else b
    rows = 1 if shared else inputs // b
    parts = {"oft_R.weight": normal(rows, b * (b - 1) // 2, sigma=0.1 if shared else 0.4)}
    return parts if shared else parts | {"oft_R.scaled_oft": torch.tensor(True)}


def bases() -> dict[str, Tensors]:
    def weights(shapes: dict) -> Tensors:
        return {f"{name}.weight": normal(*shape).double() for name, shape in shapes.items()}

    unet = weights({name: shape for name, (_, shape) in UNET.items()})
    unet["conv_norm_out.weight"] = normal(8).double()
    return {
        "unet": unet,
        "text_encoder": weights(TEXT_ENCODER),
        "transformer": weights(TRANSFORMER),
    }


class Adapter:
    """A file of a maker, and the base weights that its formula changes."""

    def __init__(self, base: dict[str, Tensors], formula):
        self.base = base
        self.formula = formula
        self.tensors: Tensors = {}
        self.merged: Tensors = {}

    def add(self, component: str, module: str, stored_name: str, parts: Tensors) -> None:
        weight = self.base[component][f"{module}.weight"]
        self.tensors |= {f"{stored_name}.{part}": tensor for part, tensor in parts.items()}
        self.merged[f"{component}.{module}.weight"] = self.formula(weight, parts)

    def write(self, data: Path, name: str, metadata: dict[str, str] | None = None) -> None:
        file = data / f"{name}.safetensors"
        save_file(self.tensors, file, metadata or {"format": "pt"})
        file.chmod(0o644)
        write_tensors(data / "expected" / f"{name}.safetensors", self.merged)


def write_adapters(base: dict[str, Tensors], data: Path) -> None:
    unet = {name: shape for name, (_, shape) in UNET.items()}

    adapter = Adapter(base, lycoris_diag)
    for number, (name, shape) in enumerate(unet.items()):
        adapter.add("unet", name, f"lora_unet_{flat(name)}", lycoris_diag_parts(number, shape))
    for number, (name, shape) in enumerate(TEXT_ENCODER.items()):
        adapter.add(
            "text_encoder", name, f"lora_te_{flat(name)}", lycoris_diag_parts(number, shape)
        )
    adapter.write(data, "lycoris-diag")

    # Whole rotations, as releases of before February 2024 stored them.
    adapter = Adapter(base, lambda weight, parts: grouped(parts["oft_diag"].double(), weight))
    for name in list(unet)[:8]:
        r = turned_left(skew(blocks_of(unet[name][0], 4, 0.2))).float()
        adapter.add("unet", name, f"lora_unet_{flat(ldm(name))}", {"oft_diag": r})
    adapter.write(data, "lycoris-old")

    adapter = Adapter(base, lycoris_boft)
    for number, (name, shape) in enumerate(unet.items()):
        adapter.add("unet", name, f"lycoris_{flat(name)}", lycoris_boft_parts(number, shape))
    adapter.write(data, "lycoris-boft")

    # For SDXL kohya's tools see Stability's code.
    adapter = Adapter(base, kohya)
    for number, (name, shape) in enumerate(unet.items()):
        adapter.add("unet", name, f"oft_unet_{flat(ldm(name))}", kohya_parts(number, shape))
    adapter.write(data, "kohya")

    adapter = Adapter(base, kohya)
    for name, shape in TRANSFORMER.items():
        adapter.add("transformer", name, f"oft_unet_{flat(name)}", flux_parts(name, shape))
    adapter.write(data, "kohya-flux")
    torch.save(adapter.tensors, data / "kohya-flux.pt")

    adapter = Adapter(base, onetrainer)
    for name, shape in unet.items():
        adapter.add("unet", name, f"unet.{name}", onetrainer_parts(shape, shared=False))
    for name, shape in TEXT_ENCODER.items():
        adapter.add("text_encoder", name, f"text_encoder.{name}", onetrainer_parts(shape, False))
    adapter.write(data, "onetrainer", {"ot_branch": "master"})

    # By the OMI names that it once offered, in the original code's words.
    adapter = Adapter(base, onetrainer)
    for name, shape in unet.items():
        adapter.add("unet", name, f"unet.{ldm(name)}", onetrainer_parts(shape, shared=True))
    for name, shape in TEXT_ENCODER.items():
        adapter.add("text_encoder", name, f"clip_l.{name}", onetrainer_parts(shape, True))
    adapter.write(data, "onetrainer-shared")


def write_bases(base: dict[str, Tensors], data: Path) -> None:
    """A pipeline, the same in one original checkpoint, and a transformer."""
    write_tensors(data / "pipeline/unet/diffusion_pytorch_model.safetensors", base["unet"])
    write_tensors(data / "pipeline/text_encoder/model.safetensors", base["text_encoder"])
    write_json(
        data / "pipeline/model_index.json",
        {
            "_class_name": "StableDiffusionPipeline",
            "text_encoder": ["transformers", "CLIPTextModel"],
            "unet": ["diffusers", "UNet2DConditionModel"],
        },
    )
    original = {
        f"model.diffusion_model.{ldm(name)}.weight": base["unet"][f"{name}.weight"] for name in UNET
    } | {f"cond_stage_model.transformer.{name}": t for name, t in base["text_encoder"].items()}
    write_tensors(data / "original.safetensors", original)
    write_json(
        data / "original_names.json",
        {f"unet.{name}": f"model.diffusion_model.{ldm(name)}" for name in UNET}
        | {f"text_encoder.{name}": f"cond_stage_model.transformer.{name}" for name in TEXT_ENCODER},
    )
    write_tensors(data / "transformer.safetensors", base["transformer"])


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "data"
    (data / "foreign").mkdir(exist_ok=True)
    base = bases()
    write_bases(base, data / "foreign")
    write_adapters(base, data / "foreign")


if __name__ == "__main__":
    main()
