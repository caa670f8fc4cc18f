"""Reading and writing what the parity scripts share: deterministic JSON, safetensors, adapters."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

Tensors = dict[str, torch.Tensor]


def versions() -> dict[str, str]:
    import peft
    import safetensors

    modules = {"peft": peft, "torch": torch, "safetensors": safetensors}
    return {name: module.__version__ for name, module in modules.items()}


def write_json(path: Path, document: object) -> None:
    """As PEFT and transformers write JSON: two spaces, sorted keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")


def write_lines(path: Path, head: dict, key: str, records: list[dict]) -> None:
    """{**head, key: records} with one line a record, for documents of many small records."""
    lines = ",\n".join(json.dumps(record) for record in records)
    start = json.dumps(head)[:-1] + (", " if head else "")
    path.write_text(f'{start}"{key}": [\n{lines}\n]}}\n')


def write_tensors(path: Path, tensors: Tensors) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    contiguous = {name: t.detach().clone().contiguous() for name, t in tensors.items()}
    save_file(contiguous, path, {"format": "pt"})
    path.chmod(0o644)


def write_sharded(folder: Path, tensors: Tensors, shards: int) -> None:
    """A checkpoint in `shards` files of about equal size with transformers' index beside them."""
    total = sum(t.nbytes for t in tensors.values())
    parts: list[Tensors] = [{} for _ in range(shards)]
    written = 0
    for name, tensor in tensors.items():
        parts[min(written * shards // total, shards - 1)][name] = tensor
        written += tensor.nbytes
    weight_map = {}
    for number, part in enumerate(parts, start=1):
        file = f"model-{number:05d}-of-{shards:05d}.safetensors"
        write_tensors(folder / file, part)
        weight_map |= dict.fromkeys(part, file)
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    write_json(folder / "model.safetensors.index.json", index)


def sort_sets(config) -> None:
    """PEFT writes sets in an order that changes from run to run."""
    for field in ("target_modules", "exclude_modules"):
        if isinstance(getattr(config, field), set):
            setattr(config, field, sorted(getattr(config, field)))


def save_adapter(model, folder: Path, **options) -> None:
    """`save_pretrained` without the model card, and with sets in a stable order."""
    for config in model.peft_config.values():
        sort_sets(config)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Setting `save_embedding_layers`")
        model.save_pretrained(folder, **options)
    for name in model.peft_config:
        subfolder = folder if name == "default" else folder / name
        (subfolder / "README.md").unlink(missing_ok=True)
        for file in subfolder.glob("adapter_*"):
            file.chmod(0o644)


def randomize_rotations(model: torch.nn.Module, sigma: float, generator: torch.Generator) -> None:
    """Gives every stored rotation parameter (`oft_R`, or the older `oft_r`) normal values."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".oft_R." in name or ".oft_embedding_R." in name or ".oft_r." in name:
                noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.copy_(sigma * noise)


__all__ = [
    "Tensors",
    "load_file",
    "randomize_rotations",
    "save_adapter",
    "sort_sets",
    "versions",
    "write_json",
    "write_lines",
    "write_sharded",
    "write_tensors",
]
