"""Whole adapters by today's PEFT on one tiny base: writes base*/, adapters/, expected/."""

from __future__ import annotations

import dataclasses
from fnmatch import fnmatch
from pathlib import Path

import torch
from peft import OFTConfig, PeftModel, get_peft_model

from files import (
    load_file,
    randomize_rotations,
    save_adapter,
    write_json,
    write_sharded,
    write_tensors,
)
from tiny_encoder import TinyEncoder, from_state

LINEARS = ["q_proj", "up_proj", "down_proj"]
WITH_CONV = [*LINEARS, "patch"]


@dataclasses.dataclass(frozen=True)
class Variant:
    """An adapter folder: its base, its config, and what else PEFT is told when it saves.

    `retrain` names the base parameters that change beside the rotations, as training would."""

    name: str
    config: dict
    base: str = "base"
    retrain: tuple[str, ...] = ()
    save: dict = dataclasses.field(default_factory=dict)
    adapter_dtype: torch.dtype | None = None


def exact(**options) -> dict:
    return {"target_modules": LINEARS, "oft_block_size": 8, "use_cayley_neumann": False, **options}


def neumann(**options) -> dict:
    return exact(use_cayley_neumann=True, **options)


VARIANTS = [
    Variant("exact", exact(target_modules=WITH_CONV)),
    # The same adapter as "exact" in a pickle, so expected/exact.safetensors serves both.
    Variant("pickled", exact(target_modules=WITH_CONV), save={"safe_serialization": False}),
    Variant("neumann", neumann(target_modules=WITH_CONV)),
    Variant("coft", exact(coft=True, eps=0.1, oft_block_size=4)),
    Variant("shared", neumann(block_share=True, oft_block_size=4)),
    Variant("r-given", exact(r=4, oft_block_size=0)),
    Variant("all-linear", neumann(target_modules="all-linear")),
    Variant(
        "regex", exact(target_modules=r"layers\.\d\.(?:q|up)_proj", exclude_modules=["0.q_proj"])
    ),
    Variant("one-layer", exact(layers_to_transform=[1], layers_pattern="layers")),
    Variant("bias-all", exact(bias="all"), retrain=("*.bias",)),
    Variant("bias-oft-only", exact(bias="oft_only"), retrain=("*.base_layer.bias",)),
    Variant(
        "modules-to-save",
        exact(modules_to_save=["head", "norm"]),
        retrain=("*.modules_to_save.*",),
    ),
    # A targeted embedding is saved with the adapter, and rotated on top of what was saved.
    Variant(
        "embedding",
        exact(target_modules=["embed_tokens", "q_proj"], oft_block_size=4),
        retrain=("*.embed_tokens.base_layer.weight",),
    ),
    Variant(
        "embedding-saved",
        exact(target_modules=["q_proj"]),
        retrain=("*.embed_tokens.weight",),
        save={"save_embedding_layers": True},
    ),
    Variant("fp16-base", exact(target_modules=[*WITH_CONV, "embed_tokens"]), base="base_fp16"),
    Variant("bf16-base", neumann(target_modules=WITH_CONV), base="base_bf16"),
    Variant("bf16-adapter", exact(), base="base_bf16", adapter_dtype=torch.bfloat16),
]


def write_bases(data: Path) -> None:
    state = TinyEncoder().state_dict()
    config = {"architectures": ["TinyEncoder"], "model_type": "tiny_encoder"}
    for name, dtype in (
        ("base", torch.float32),
        ("base_fp16", torch.float16),
        ("base_bf16", torch.bfloat16),
    ):
        write_tensors(data / name / "model.safetensors", {k: v.to(dtype) for k, v in state.items()})
        write_json(data / name / "config.json", config)
    write_sharded(data / "base_sharded", state, shards=3)
    write_json(data / "base_sharded" / "config.json", config)


def write_adapter(variant: Variant, data: Path) -> None:
    base = load_file(data / variant.base / "model.safetensors")
    adapted = get_peft_model(from_state(base), OFTConfig(**variant.config))
    if variant.adapter_dtype:
        adapted.to(variant.adapter_dtype)
    generator = torch.Generator().manual_seed(2)
    randomize_rotations(adapted, 0.15, generator)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if any(fnmatch(name, pattern) for pattern in variant.retrain):
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    save_adapter(adapted, data / "adapters" / variant.name, **variant.save)


def merged(variant: Variant, data: Path) -> dict[str, torch.Tensor]:
    """The checkpoint that PEFT's users get: adapter loaded onto the base, merged, unloaded."""
    base = from_state(load_file(data / variant.base / "model.safetensors"))
    adapted = PeftModel.from_pretrained(base, data / "adapters" / variant.name)
    return adapted.merge_and_unload().state_dict()


def write(data: Path) -> list[dict]:
    """Returns what adapters.json says of each folder."""
    torch.manual_seed(3)
    write_bases(data)
    records = []
    for variant in VARIANTS:
        write_adapter(variant, data)
        result = merged(variant, data)
        expected = data / "expected" / f"{variant.name}.safetensors"
        if variant.name == "pickled":
            expected = expected.with_stem("exact")
            same = load_file(expected)
            assert all(torch.equal(tensor, same[name]) for name, tensor in result.items())
        else:
            write_tensors(expected, result)
        records.append(
            {
                "name": variant.name,
                "base": variant.base,
                "adapter": f"adapters/{variant.name}",
                "expected": f"expected/{expected.name}",
            }
        )
    return records
