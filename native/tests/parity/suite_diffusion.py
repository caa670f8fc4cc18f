"""Stable Diffusion's networks, ../../../examples/diffusion: PEFT and oft merge and train the same
adapters, those of PEFT's own example and one for convolutions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from peft import OFTConfig, get_peft_model
from torch import nn

from files import randomize_rotations, save_adapter, write_tensors
from suite_jobs import SIGMA, Job, merge_with_peft
from suite_live import LiveJob

MODELS = Path(__file__).resolve().parents[3] / "examples/diffusion"
sys.path.append(str(MODELS))
from make_models import UNET, TextEncoder  # noqa: E402
from unet import UNet2DConditionModel  # noqa: E402

TEXT_TARGETS = ["k_proj", "q_proj", "v_proj", "out_proj", "fc1", "fc2"]
UNET_TARGETS = [
    "proj_in", "proj_out", "to_k", "to_q", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2"
]  # fmt: skip
KERNELS = ["conv_in", "conv1", "conv2", "conv_shortcut", "conv", "conv_out"]


def config(targets: list[str], **options) -> dict:
    return {"target_modules": targets, "use_cayley_neumann": False, **options}


by_r = {"r": 8, "oft_block_size": 0}
by_size = {"r": 0, "oft_block_size": 4}
TEXT_EXAMPLE, UNET_EXAMPLE = config(TEXT_TARGETS, **by_r), config(UNET_TARGETS, **by_r)
CONVOLUTIONS = config([*KERNELS, *UNET_TARGETS], **by_size)


def network(name: str, dtype: torch.dtype) -> nn.Module:
    """"text_encoder" or "unet", with the weights of its TorchScript file."""
    model = UNet2DConditionModel(UNET) if name == "unet" else TextEncoder()
    script = torch.jit.load(MODELS / f"{name}.pt")
    model.load_state_dict(dict(script.named_parameters()), strict=False)
    return model.to(dtype).eval()


def diffusion_jobs(work: Path) -> Iterator[Job]:
    for name, options, dtype in (
        ("text_encoder", TEXT_EXAMPLE, torch.float32),
        ("unet", UNET_EXAMPLE, torch.float32),
        ("unet", UNET_EXAMPLE, torch.float16),
        ("unet", CONVOLUTIONS, torch.float32),  # of any kernel: only PEFT's forward is wrong there
    ):
        kind = "convolutions" if options is CONVOLUTIONS else "example"
        folder = work / f"{name}-{kind}-{dtype}"
        base = network(name, dtype)
        write_tensors(folder / "base" / "model.safetensors", dict(base.named_parameters()))
        adapted = get_peft_model(network(name, dtype), OFTConfig(**options))
        randomize_rotations(adapted, SIGMA, torch.Generator().manual_seed(6))
        save_adapter(adapted, folder / "adapter")
        merged, seconds = merge_with_peft(base, folder / "adapter")
        yield Job(
            f"{name} {kind} {str(dtype).removeprefix('torch.')}",
            folder / "base",
            folder / "adapter",
            dict(merged.named_parameters()),
            seconds,
        )


def diffusion_live_jobs(work: Path) -> Iterator[LiveJob]:
    """In float32. PEFT's forward of a convolution is right where the kernel is 1."""
    generator = torch.Generator().manual_seed(7)
    tokens = torch.tensor([[62, 1, 5, 63], [62, 2, 9, 63]])
    sample = torch.randn(2, 4, 8, 8, generator=generator)
    states = torch.randn(2, 4, 16, generator=generator)
    pointwise = config(["conv_shortcut", *UNET_TARGETS], **by_size)
    for name, label, options, inputs, target in (
        ("text_encoder", "example", TEXT_EXAMPLE, [tokens], states),
        ("unet", "example", UNET_EXAMPLE, [sample, torch.tensor([20, 800]), states], sample),
        ("unet", "pointwise", pointwise, [sample, torch.tensor([20, 800]), states], sample),
    ):
        script = work / f"{name}.pt"
        torch.jit.load(MODELS / script.name).float().save(str(script))
        yield LiveJob(
            f"{name} {label}", script, fresh(name), inputs, target, {"default": options}, steps=5
        )


def fresh(name: str) -> Callable[[], nn.Module]:
    return lambda: network(name, torch.float32)
