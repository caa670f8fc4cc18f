"""Makes this folder's models: Stable Diffusion 1.5's text encoder and UNet, small.

usage: make_models.py [FOLDER]             text_encoder.pt and unet.pt, trained for two minutes
       make_models.py --pipeline FOLDER    the models that are here as a diffusers pipeline

Both need torch, transformers and safetensors. README.md tells what the models learn.
"""

from __future__ import annotations

import io
import json
import math
import sys
import warnings
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from unet import UNet2DConditionModel, UNetConfig

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "native/tests/parity"))
from make_scripted import without_debug_records  # noqa: E402

STEPS, BATCH, SIZE = 400, 32, 8
LAST_TIMESTEP = 1000
START, END = 62, 63  # tokens around a prompt's one word
GRATINGS = ((0, 1), (1, 0), (0, 2), (2, 0))  # what the words 0, 1, ... mean: waves down and across

TEXT = CLIPTextConfig(
    architectures=["CLIPTextModel"],
    vocab_size=64,
    hidden_size=16,
    intermediate_size=64,
    num_hidden_layers=12,
    num_attention_heads=4,
    projection_dim=16,
    bos_token_id=START,
    eos_token_id=END,
)
UNET = UNetConfig(
    block_out_channels=(16, 24, 32, 32),
    cross_attention_dim=TEXT.hidden_size,
    norm_num_groups=8,
    attention_head_dim=4,
    sample_size=SIZE,
)


class TextEncoder(nn.Module):
    """Tokens [n, t] -> states [n, t, width]; the names are those of SD 1.5's checkpoints."""

    def __init__(self):
        super().__init__()
        model = CLIPTextModel(TEXT)
        self.text_model = getattr(model, "text_model", model)  # transformers 5 has no such level

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.text_model(input_ids).last_hidden_state


def grating(waves: torch.Tensor) -> torch.Tensor:
    """Waves [n, 2] down and across -> latents [n, 4, SIZE, SIZE], a quarter turn a channel."""
    position = torch.arange(SIZE) * (2 * math.pi / SIZE)
    phase = torch.arange(UNET.in_channels) * (math.pi / 2)
    down = waves[:, 0, None, None, None] * position[:, None]
    across = waves[:, 1, None, None, None] * position
    return torch.cos(down + across + phase[:, None, None])


def train(text_encoder: nn.Module, unet: nn.Module) -> None:
    """To predict the noise in noisy gratings, given their words."""
    parameters = [*text_encoder.parameters(), *unet.parameters()]
    optimizer = torch.optim.AdamW(parameters, 2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    waves = torch.tensor(GRATINGS)
    for step in range(STEPS):
        words = torch.randint(len(GRATINGS), (BATCH,))
        tokens = torch.stack([torch.full_like(words, START), words, torch.full_like(words, END)], 1)
        timestep = torch.randint(LAST_TIMESTEP, (BATCH,))
        angle = (timestep * (math.pi / 2 / LAST_TIMESTEP))[:, None, None, None]
        noise = torch.randn(BATCH, UNET.in_channels, SIZE, SIZE)
        noisy = angle.cos() * grating(waves[words]) + angle.sin() * noise
        loss = nn.functional.mse_loss(unet(noisy, timestep, text_encoder(tokens)), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 20 == 0:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)


def trace(model: nn.Module, *inputs: torch.Tensor) -> torch.jit.ScriptModule:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.trace(model.eval(), inputs)


def save_script(script: torch.jit.ScriptModule, file: Path) -> None:
    buffer = io.BytesIO()
    torch.jit.save(script.half(), buffer)
    file.write_bytes(without_debug_records(buffer.getvalue()))


def make_models(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.set_num_threads(1)  # the order of sums, and so the result, depends on it
    text_encoder, unet = TextEncoder(), UNet2DConditionModel(UNET)
    train(text_encoder, unet)
    tokens = torch.tensor([[START, 0, END], [START, 1, END]])
    with torch.no_grad():
        states = text_encoder(tokens)
    sample = torch.randn(2, UNET.in_channels, SIZE, SIZE)
    save_script(trace(text_encoder, tokens), folder / "text_encoder.pt")
    save_script(trace(unet, sample, torch.tensor([0, 1]), states), folder / "unet.pt")


def write_json(file: Path, document: dict) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=2) + "\n")


def make_pipeline(folder: Path) -> None:
    """The parts that a merge reads, and of those that it carries along a few small files."""
    index = {
        "_class_name": "StableDiffusionPipeline",
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    write_json(folder / "model_index.json", index)
    write_json(folder / "scheduler/scheduler_config.json", {"_class_name": "DDIMScheduler"})
    write_json(folder / "text_encoder/config.json", TEXT.to_dict())
    write_json(folder / "unet/config.json", UNET.document())
    write_json(folder / "vae/config.json", {"_class_name": "AutoencoderKL"})
    text_encoder, unet = (
        dict(torch.jit.load(HERE / name).named_parameters())
        for name in ("text_encoder.pt", "unet.pt")
    )
    vae = {"post_quant_conv.weight": torch.eye(4).reshape(4, 4, 1, 1)}
    metadata = {"format": "pt"}
    save_file(text_encoder, folder / "text_encoder/model.safetensors", metadata)
    save_file(unet, folder / "unet/diffusion_pytorch_model.safetensors", metadata)
    save_file(vae, folder / "vae/diffusion_pytorch_model.safetensors", metadata)


def main() -> None:
    if sys.argv[1:2] == ["--pipeline"]:
        make_pipeline(Path(sys.argv[2]))
    else:
        make_models(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)


if __name__ == "__main__":
    main()
