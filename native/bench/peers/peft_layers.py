"""Works of one layer: merge, unmerge, cayley, linear."""

from __future__ import annotations

import torch
from peft import LoraConfig, OFTConfig, get_peft_model
from peft.tuners.oft.layer import OFTRotationModule

from work import Work


def load(file: str) -> dict[str, torch.Tensor]:
    return dict(torch.load(file, weights_only=False))


def adapted_linear(weight: torch.Tensor, bias: torch.Tensor | None, config) -> torch.nn.Module:
    """PEFT's layer around a Linear."""
    linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    linear.weight.data = weight
    if bias is not None:
        linear.bias.data = bias
    model = get_peft_model(torch.nn.Sequential(linear), config).eval()
    return model.base_model.model[0]


def oft_linear(data: dict[str, torch.Tensor], block_size: int, neumann: bool = False):
    config = OFTConfig(
        target_modules=["0"], r=0, oft_block_size=block_size, use_cayley_neumann=neumann
    )
    layer = adapted_linear(data["weight"], data.get("bias"), config)
    layer.oft_R["default"].weight.data.copy_(data["q"])
    return layer


class Merge(Work):
    def __init__(self, file: str, block_size: int) -> None:
        data = load(file)
        self.weight = data["weight"].clone()
        self.layer = oft_linear(data, block_size)

    def prepare(self) -> None:
        self.layer.get_base_layer().weight.data = self.weight.clone()
        self.layer.merged_adapters = []

    def run(self) -> None:
        with torch.no_grad():
            self.layer.merge()

    def result(self) -> dict[str, torch.Tensor]:
        self.prepare()
        self.run()
        return {"weight": self.layer.get_base_layer().weight.data.contiguous()}


class Unmerge(Merge):
    def prepare(self) -> None:
        super().prepare()
        self.layer.merged_adapters = ["default"]

    def run(self) -> None:
        with torch.no_grad():
            self.layer.unmerge()


class Cayley(Work):
    def __init__(self, file: str, block_size: int, neumann: bool, backward: bool) -> None:
        data = load(file)
        self.q = data["q"].requires_grad_()
        self.g = data["g"]
        self.backward = backward
        blocks, parameters = self.q.shape
        self.module = OFTRotationModule(blocks, parameters, block_size, blocks * block_size)
        self.arguments = (block_size, neumann)

    def value(self) -> torch.Tensor:
        with torch.set_grad_enabled(self.backward):
            r = self.module._cayley_batch(self.q, *self.arguments)
        return torch.autograd.grad(r, self.q, self.g)[0] if self.backward else r

    def run(self) -> None:
        self.value()

    def result(self) -> dict[str, torch.Tensor]:
        return {"value": self.value()}


class Linear(Work):
    """The unmerged forward of a layer: method bare, oft or lora (of rank 8)."""

    def __init__(self, file: str, method: str, block_size: int = 0) -> None:
        data = load(file)
        self.x = data["x"]
        if method == "oft":
            self.layer = oft_linear(data, block_size)
        else:
            config = LoraConfig(r=8, target_modules=["0"])
            layer = adapted_linear(data["weight"], data["bias"], config)
            self.layer = layer.get_base_layer() if method == "bare" else layer

    def run(self) -> None:
        with torch.no_grad():
            self.y = self.layer(self.x)

    def result(self) -> dict[str, torch.Tensor]:
        self.run()
        return {"y": self.y}


LAYER_WORKS = {"merge": Merge, "unmerge": Unmerge, "cayley": Cayley, "linear": Linear}
