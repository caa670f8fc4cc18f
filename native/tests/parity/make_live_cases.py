"""Live models through PEFT: writes ../data/live (see README.md).

usage: make_live_cases.py [DATA]

The same bytes each time where PYTHONHASHSEED=0.
"""

from __future__ import annotations

import dataclasses
import sys
import warnings
from pathlib import Path

import torch
from peft import OFTConfig, PeftModel
from torch import nn

from files import (
    Tensors,
    randomize_rotations,
    save_adapter,
    sort_sets,
    versions,
    write_lines,
    write_tensors,
)
from live_networks import NETWORKS, Network
from live_reference import train_reference
from training import (
    LEARNING_RATE,
    WEIGHT_DECAY,
    Run,
    peft_parameters,
    train_peft,
    with_adapters,
)

STEPS = 50
SIGMA = 0.1
SEED = 4


@dataclasses.dataclass(frozen=True)
class Case:
    """A network, its adapters by name, and those that are active in the order of application.

    `blocks`, the number of each target, are given where PEFT 0.21 computes something else: the case
    is then made by the formulas."""

    name: str
    network: str
    adapters: dict[str, dict]
    active: tuple[str, ...] = ("default",)
    blocks: dict[str, int] = dataclasses.field(default_factory=dict)

def exact(**options) -> dict:
    return {"oft_block_size": 8, "use_cayley_neumann": False, **options}


def neumann(terms: int = 5, **options) -> dict:
    return exact(use_cayley_neumann=True, num_cayley_neumann_terms=terms, **options)


LINEARS = ["fc1", "fc2", "head"]
ATTENTION = ["query", "key", "value", "dense", "up", "down"]
FORMULAS = {"exact": exact(), "neumann-5": neumann(5), "neumann-4": neumann(4)}
VARIANTS = {
    "plain": {},
    "share": {"block_share": True},
    "coft": {"coft": True, "eps": 0.5},
    "coft-share": {"coft": True, "eps": 0.5, "block_share": True},
}


def one(name: str, network: str, targets: list[str] | str, config: dict) -> Case:
    return Case(name, network, {"default": {**config, "target_modules": targets}})


def formulas_only(name: str, network: str, blocks: dict[str, int], config: dict) -> Case:
    return Case(name, network, {"default": {**config, "target_modules": [*blocks]}}, blocks=blocks)


def pair(name: str, active: tuple[str, ...]) -> Case:
    first = exact(target_modules=["fc1", "fc2"])
    second = neumann(r=4, oft_block_size=0, target_modules=["fc2", "head"])
    return Case(name, "linear", {"default": first, "second": second}, active)


CASES = [
    *(
        one(f"linear-{formula}-{variant}", "linear", LINEARS, {**config, **options})
        for formula, config in FORMULAS.items()
        for variant, options in VARIANTS.items()
    ),
    one("linear-float64-exact", "linear64", LINEARS, FORMULAS["exact"]),
    one("linear-float64-neumann-4", "linear64", LINEARS, FORMULAS["neumann-4"]),
    one("linear-float64-neumann-5-coft-share", "linear64", LINEARS,
        {**FORMULAS["neumann-5"], **VARIANTS["coft-share"]}),
    one("linear-bfloat16-exact", "linear_bf16", LINEARS, FORMULAS["exact"]),
    one("linear-bfloat16-neumann-5", "linear_bf16", LINEARS, FORMULAS["neumann-5"]),
    one("linear-float16-exact-coft", "linear_fp16", LINEARS,
        {**FORMULAS["exact"], **VARIANTS["coft"]}),
    one("linear-r-given", "linear", LINEARS, exact(r=4, oft_block_size=0)),
    one("linear-adjusted", "linear", ["fc1", "fc2"], exact(oft_block_size=10)),
    one("linear-wide-block", "linear", "fc2", neumann(oft_block_size=64)),
    one("linear-bias-all", "linear", ["fc1", "fc2"], exact(bias="all")),
    one("linear-bias-oft-only", "linear", ["fc1", "fc2"], neumann(bias="oft_only")),
    one("linear-head-saved", "linear", ["fc1", "fc2"], exact(modules_to_save=["head"])),
    pair("linear-two", ("default", "second")),
    pair("linear-two-reversed", ("second", "default")),
    one("attention-exact", "attention", ATTENTION, exact()),
    one("attention-neumann-r", "attention", ATTENTION, neumann(r=3, oft_block_size=0)),
    one("attention-biases-norm-saved", "attention", ATTENTION[:4],
        neumann(bias="all", modules_to_save=["norm2"])),
    one("multihead-exact", "multihead", ["up", "down"], exact()),
    formulas_only("multihead-out-proj", "multihead", {"attention.out_proj": 3, "up": 3}, exact()),
    one("conv-exact", "conv", ["pointwise", "last", "head"], exact(oft_block_size=4)),
    one("conv-neumann-coft", "conv", ["pointwise", "last"],
        neumann(oft_block_size=4, coft=True, eps=0.3)),
    formulas_only("conv-kernels", "conv64", {"stem": 3, "grouped": 4, "pointwise": 2, "head": 1},
                 exact()),
    one("tokens-exact", "tokens", ["tokens", "head"], exact()),
    one("tokens-neumann-coft-share", "tokens", ["tokens"],
        neumann(coft=True, eps=0.3, block_share=True)),
    formulas_only("tokens-conv1d", "tokens64", {"tokens": 3, "mix": 9, "head": 2}, neumann()),
]  # fmt: skip


def adapted(case: Case, network: nn.Module) -> PeftModel:
    """With PEFT, all that trains of every adapter at random values."""
    model = with_adapters(network, case.adapters, case.active if len(case.active) > 1 else None)
    generator = torch.Generator().manual_seed(SEED)
    randomize_rotations(model, SIGMA, generator)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and ".oft_" not in name:
                noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
                parameter.add_(noise, alpha=0.1)
    return model


def agree(ours: Run, theirs: Run) -> bool:
    """Within what float32 and fifty steps allow."""
    expected = theirs.tensors()
    return all(
        torch.allclose(tensor, expected[name], rtol=1e-4, atol=1e-5)
        for name, tensor in ours.tensors().items()
    )


def by_peft(case: Case, network: Network, folder: Path) -> Run:
    model = adapted(case, network.fresh())
    save_adapter(model, folder)
    start = {name: p.detach().clone() for name, p in peft_parameters(model).items()}
    run = train_peft(model, [network.input], network.target, STEPS)
    if len(case.adapters) == 1:
        config = model.peft_config["default"]
        is_16_bit = network.dtype.itemsize == 2
        if not (config.coft or config.bias != "none" or config.modules_to_save or is_16_bit):
            second = by_formulas(network, start, config)
            assert agree(run, second), f"{case.name}: PEFT and the formulas disagree"
    return run


def by_formulas(network: Network, start: Tensors, config: OFTConfig) -> Run:
    terms = config.num_cayley_neumann_terms if config.use_cayley_neumann else None
    return train_reference(network.fresh(), start, terms, network.input, network.target, STEPS)


def without_peft(case: Case, network: Network, folder: Path) -> Run:
    """Writes the adapter that PEFT would have written, had it counted the blocks right."""
    config = OFTConfig(**case.adapters["default"])
    generator = torch.Generator().manual_seed(SEED)
    start = {}
    for name, rows in case.blocks.items():
        layer = network.module.get_submodule(name)
        is_table = isinstance(layer, nn.Embedding)
        features = layer.weight[0].numel() * getattr(layer, "groups", 1)
        b = features // rows
        key = f"{name}.{'oft_embedding_R' if is_table else 'oft_R'}.default.weight"
        start[key] = SIGMA * torch.randn(rows, b * (b - 1) // 2, generator=generator)
    sort_sets(config)
    config.save_pretrained(folder)
    write_tensors(
        folder / "adapter_model.safetensors",
        {f"base_model.model.{key.replace('.default.', '.')}": q for key, q in start.items()},
    )
    return by_formulas(network, start, config)


def folder_of(case: Case, adapter: str) -> str:
    """Cases that differ in the order of their adapters share them."""
    top = case.name.removesuffix("-reversed")
    return f"adapters/{top}" if adapter == "default" else f"adapters/{top}/{adapter}"


def write(data: Path) -> None:
    tensors: Tensors = {}
    networks = {name: Network(name) for name in NETWORKS}
    for name, network in networks.items():
        network.write(data / f"{name}.pt")
        tensors |= {f"{name}.input": network.input, f"{name}.target": network.target}
    records = []
    for case in CASES:
        folder = data / folder_of(case, "default")
        make = without_peft if case.blocks else by_peft
        run = make(case, networks[case.network], folder)
        tensors |= {f"{case.name}.{key}": tensor for key, tensor in run.tensors().items()}
        records.append(
            {
                "name": case.name,
                "network": case.network,
                "made_by": "formulas" if case.blocks else "peft",
                "adapters": {name: folder_of(case, name) for name in case.adapters},
                "active": case.active,
                "gradients": [*run.gradients],
            }
        )
    write_tensors(data / "live.safetensors", tensors)
    head = {
        "made_with": versions(),
        "steps": STEPS,
        "learning_rate": LEARNING_RATE,
        "weight_decay": WEIGHT_DECAY,
    }
    write_lines(data / "live.json", head, "cases", records)


def main() -> None:
    warnings.filterwarnings("ignore", message="Invalid `")  # some block sizes are to be adjusted
    default = Path(__file__).parents[1] / "data" / "live"
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else default)


if __name__ == "__main__":
    main()
