"""The run that live models are compared by: a forward, a gradient, and steps of AdamW."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

import torch
from peft import OFTConfig, PeftModel, get_peft_model
from torch import nn

from files import Tensors

LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.1


@dataclasses.dataclass
class Run:
    """`output` and `trained`: before and after the steps, in evaluation mode; `losses`: of each
    step; `gradients`: of the first one."""

    output: torch.Tensor
    losses: torch.Tensor
    gradients: Tensors
    trained: torch.Tensor

    def tensors(self) -> Tensors:
        named = {"output": self.output, "losses": self.losses, "trained": self.trained}
        return named | {f"gradient.{name}": tensor for name, tensor in self.gradients.items()}

    @staticmethod
    def of_tensors(named: Tensors) -> Run:
        gradients = {
            name.removeprefix("gradient."): tensor
            for name, tensor in named.items()
            if name.startswith("gradient.")
        }
        return Run(named["output"], named["losses"], gradients, named["trained"])


def train(
    forward: Callable[[], torch.Tensor],
    set_training: Callable[[bool], object],
    parameters: dict[str, nn.Parameter],
    target: torch.Tensor,
    steps: int,
) -> Run:
    """AdamW on the mean squared error; parameters that the output does not depend on stay."""
    optimizer = torch.optim.AdamW(
        parameters.values(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, foreach=False
    )
    def evaluate() -> torch.Tensor:
        set_training(False)
        with torch.no_grad():
            return forward()

    output = evaluate()
    set_training(True)
    gradients, losses = {}, []
    for step in range(steps):
        loss = nn.functional.mse_loss(forward(), target)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            gradients = {
                name: parameter.grad.clone()
                for name, parameter in parameters.items()
                if parameter.grad is not None
            }
        optimizer.step()
    return Run(output, torch.tensor(losses, dtype=torch.float64), gradients, evaluate())


def with_adapters(
    network: nn.Module, configs: dict[str, dict], active: Iterable[str] | None = None
) -> PeftModel:
    """With new adapters, of which `active` apply in this order; the first where it is None."""
    (first, config), *others = configs.items()
    model = get_peft_model(network, OFTConfig(**config), first)
    for name, config in others:
        model.add_adapter(name, OFTConfig(**config))
    if active is not None:
        model.base_model.set_adapter([*active])
    return model


def peft_parameters(model: PeftModel) -> dict[str, nn.Parameter]:
    """Those that train: rotations by PEFT's names without its prefix, fc1.oft_R.default.weight; all
    others by the names that they have in the base."""

    def base_name(name: str) -> str:
        name = name.removeprefix("base_model.model.").replace(".base_layer.", ".")
        return name.replace(".modules_to_save.default.", ".")

    return {
        base_name(name): parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def train_peft(
    model: PeftModel, inputs: list[torch.Tensor], target: torch.Tensor, steps: int
) -> Run:
    return train(lambda: model(*inputs), model.train, peft_parameters(model), target, steps)
