"""The merge of a checkpoint file, from end to end."""

from __future__ import annotations

import os

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file

from work import Work


class Layers(torch.nn.Module):
    """Linear layers without bias, of the shapes that a state dict has."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList()
        with torch.device("meta"):
            for i in range(len(state)):
                out_features, in_features = state[f"layers.{i}.weight"].shape
                self.layers.append(torch.nn.Linear(in_features, out_features, bias=False))


class Job(Work):
    """Loads the base file and the adapter, merges, saves."""

    def __init__(self, base: str, adapter: str, target: str) -> None:
        self.base, self.adapter, self.target = base, adapter, target

    def prepare(self) -> None:
        if os.path.exists(self.target):
            os.remove(self.target)

    def run(self) -> None:
        state = load_file(self.base)
        model = Layers(state)
        model.load_state_dict(state, assign=True)
        merged = PeftModel.from_pretrained(model, self.adapter).merge_and_unload()
        save_file(merged.state_dict(), self.target, {"format": "pt"})

    def result(self) -> dict[str, torch.Tensor]:
        self.prepare()
        self.run()
        return load_file(self.target)


JOB_WORKS = {"job": Job}
