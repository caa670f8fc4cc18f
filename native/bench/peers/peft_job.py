"""The merge of a checkpoint file, from end to end."""

from __future__ import annotations

import os

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from torch import nn

from work import Work


def layer_of(tensors: dict[str, torch.Tensor]) -> nn.Module:
    """The module that has parameters of these shapes."""
    weight, bias = tensors["weight"], "bias" in tensors
    if weight.dim() == 1:
        return nn.GroupNorm(1, weight.shape[0])
    outputs, inputs, *kernel = weight.shape
    if kernel:
        return nn.Conv2d(inputs, outputs, tuple(kernel), bias=bias)
    return nn.Linear(inputs, outputs, bias=bias)


def skeleton(state: dict[str, torch.Tensor]) -> nn.Module:
    """A model of the layers that a state dict names, without a forward: merging runs none."""
    layers = {}
    for name, tensor in state.items():
        layer, _, parameter = name.rpartition(".")
        layers.setdefault(layer, {})[parameter] = tensor
    model = nn.Module()
    with torch.device("meta"):
        for path, tensors in layers.items():
            parent = model
            *outer, last = path.split(".")
            for name in outer:
                if not hasattr(parent, name):
                    parent.add_module(name, nn.Module())
                parent = getattr(parent, name)
            parent.add_module(last, layer_of(tensors))
    model.load_state_dict(state, assign=True)
    return model


class Job(Work):
    """Loads the base file and the adapter, merges, saves."""

    def __init__(self, base: str, adapter: str, target: str) -> None:
        self.base, self.adapter, self.target = base, adapter, target

    def prepare(self) -> None:
        if os.path.exists(self.target):
            os.remove(self.target)

    def run(self) -> None:
        model = skeleton(load_file(self.base))
        merged = PeftModel.from_pretrained(model, self.adapter).merge_and_unload()
        save_file(merged.state_dict(), self.target, {"format": "pt"})

    def result(self) -> dict[str, torch.Tensor]:
        self.prepare()
        self.run()
        return load_file(self.target)


JOB_WORKS = {"job": Job}
