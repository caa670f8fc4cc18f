"""OFT on a network without PEFT: rotated weights by the formulas, gradients by torch's autograd.

The second opinion on the live cases, and the only source of those that PEFT 0.21 gets wrong:
kernels larger than 1, groups, Conv1d, MultiheadAttention.out_proj. One adapter, without COFT.
"""

from __future__ import annotations

import torch
from torch import nn

from files import Tensors
from training import Run, train


def rotation(q: torch.Tensor, terms: int | None) -> torch.Tensor:
    """[rows, b(b-1)/2] -> R [rows, b, b]; `terms` is None for the exact Cayley transform."""
    b = round((1 + (1 + 8 * q.shape[1]) ** 0.5) / 2)
    rows, cols = torch.triu_indices(b, b, 1)
    upper = q.new_zeros(len(q), b, b).index_put((torch.arange(len(q))[:, None], rows, cols), q)
    Q, eye = upper - upper.mT, torch.eye(b, dtype=q.dtype)
    if terms is None:
        return torch.linalg.solve(eye + Q, eye - Q, left=False)
    assert terms >= 3
    power = torch.linalg.matrix_power(Q, max(terms - 1, 3))
    return (eye - power) @ torch.linalg.solve(eye - Q, eye + Q)


def rotate(x: torch.Tensor, R: torch.Tensor) -> torch.Tensor:
    """x [..., d] times the block diagonal of R [rows, b, b]; one row serves every block."""
    parts = x.unflatten(-1, (-1, R.shape[-1]))
    return torch.einsum("...rk,rkc->...rc", parts, R.expand(parts.shape[-2], -1, -1)).flatten(-2)


def rotated_weight(module: nn.Module, R: torch.Tensor) -> torch.Tensor:
    """E R of a table, W R^T of all else; each group of a convolution has blocks of its own."""
    weight = module.weight.detach()
    if isinstance(module, nn.Embedding):
        return rotate(weight, R)
    groups = getattr(module, "groups", 1)
    matrix = weight.flatten(1).unflatten(0, (groups, -1)).transpose(0, 1).flatten(1)
    rotated = rotate(matrix, R.mT).unflatten(1, (groups, -1))
    return rotated.transpose(0, 1).reshape(weight.shape)


def train_reference(
    network: nn.Module,
    start: Tensors,
    terms: int | None,
    x: torch.Tensor,
    target: torch.Tensor,
    steps: int,
) -> Run:
    """`start`: q by PEFT's names, fc1.oft_R.default.weight."""
    parameters = {name: nn.Parameter(q.to(target.dtype)) for name, q in start.items()}

    def forward() -> torch.Tensor:
        weights = {}
        for name, q in parameters.items():
            layer = name.rpartition(".oft_")[0]
            module = network.get_submodule(layer)
            weights[f"{layer}.weight"] = rotated_weight(module, rotation(q, terms))
        return torch.func.functional_call(network, weights, x)

    def set_training(on: bool) -> None:
        # Evaluation would take MultiheadAttention's fused path, which asks for leaves.
        network.train()

    return train(forward, set_training, parameters, target, steps)
