"""Live models: PEFT and oft run and train the same adapters on the same TorchScript model."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from peft import PeftModel
from torch import nn

from files import randomize_rotations, save_adapter
from live_networks import NETWORKS, Network
from make_real_encoder import SentenceEncoder, make_script, sentences
from suite_jobs import SIGMA, exact, neumann
from training import LEARNING_RATE, WEIGHT_DECAY, Run, train_peft, with_adapters


@dataclasses.dataclass(frozen=True)
class LiveJob:
    """`adapters`: configs by name, in the order of application."""

    name: str
    script: Path
    module: Callable[[], nn.Module]
    inputs: list[torch.Tensor]
    target: torch.Tensor
    adapters: dict[str, dict]
    steps: int

    def adapted(self) -> PeftModel:
        """With random rotations."""
        model = with_adapters(self.module(), self.adapters, active=self.adapters)
        randomize_rotations(model, SIGMA, torch.Generator().manual_seed(0))
        return model

    def load(self, folder: Path) -> PeftModel:
        """Adapters from files."""
        first, *others = self.adapters
        model = PeftModel.from_pretrained(self.module(), adapter_folder(folder, first), first)
        for name in others:
            model.load_adapter(adapter_folder(folder, name), name)
        model.base_model.set_adapter([*self.adapters])
        return model.eval()


@dataclasses.dataclass(frozen=True)
class LiveResult:
    """`reloaded`: what PEFT computes with the adapters that oft saved after the steps."""

    ours: Run
    theirs: Run
    reloaded: torch.Tensor


def adapter_folder(folder: Path, name: str) -> Path:
    return folder if name == "default" else folder / name


def run_live(job: LiveJob, program: str, run: Callable[[list[str]], str], work: Path) -> LiveResult:
    """`program` is live_adapter, `run` starts it."""
    work.mkdir()
    model = job.adapted()
    save_adapter(model, work / "start")
    theirs = train_peft(model, job.inputs, job.target, job.steps)
    data = {f"input{i}": tensor for i, tensor in enumerate(job.inputs)} | {"target": job.target}
    torch.save(data, work / "data.pt")
    files = [str(job.script), *(str(work / name) for name in ("data.pt", "run.pt", "saved"))]
    adapters = [f"{name}={adapter_folder(work / 'start', name)}" for name in job.adapters]
    run([program, *files, str(job.steps), str(LEARNING_RATE), str(WEIGHT_DECAY), *adapters])
    ours = Run.of_tensors(torch.load(work / "run.pt", weights_only=False))
    with torch.no_grad():
        return LiveResult(ours, theirs, job.load(work / "saved")(*job.inputs))


def encoder_live_jobs(encoder: Path) -> Iterator[LiveJob]:
    """The real encoder, its attention and feed-forward layers."""
    inputs = [*sentences(8, 24)]
    generator = torch.Generator().manual_seed(5)
    target = nn.functional.normalize(torch.randn(8, 384, generator=generator), dim=-1)
    first, second = exact(), neumann(oft_block_size=16, target_modules=["dense"])
    for name, adapters, steps in (
        ("exact", {"default": exact()}, 20),
        ("neumann 5", {"default": neumann()}, 20),
        ("two adapters", {"default": first, "second": second}, 5),
        ("two adapters, reversed", {"second": second, "default": first}, 5),
    ):
        yield LiveJob(
            f"MiniLM {name}",
            make_script(encoder),
            lambda: SentenceEncoder(encoder),
            inputs,
            target,
            adapters,
            steps,
        )


TARGETS = {
    "linear": [["fc1", "fc2"], ["fc2", "head"], r"fc\d"],
    "attention": [["query", "value"], ["query", "key", "value", "dense", "up", "down"]],
    "multihead": [["up", "down"]],
    "conv": [["pointwise", "head"], ["pointwise", "last"]],
    "tokens": [["tokens"], ["tokens", "head"]],
}


def random_live_jobs(work: Path, count: int) -> Iterator[LiveJob]:
    """The small networks of the committed cases, with configs at random."""
    for seed in range(count):
        choose = random.Random(seed)
        network = Network(choose.choice([n for n in sorted(NETWORKS) if not n.endswith("16")]))
        script = work / f"{network.name}.pt"
        network.write(script)
        by_blocks, coft = choose.random() < 0.4, choose.random() < 0.4
        config = {
            "r": choose.randint(1, 6) if by_blocks else 0,
            "oft_block_size": 0 if by_blocks else choose.randint(2, 30),
            "target_modules": choose.choice(TARGETS[network.name.removesuffix("64")]),
            "use_cayley_neumann": choose.random() < 0.5,
            "num_cayley_neumann_terms": choose.randint(2, 9),
            "block_share": choose.random() < 0.3,
            "coft": coft,
            "eps": choose.choice([0.01, 0.1, 1.0]) if coft else 6e-5,
        }
        yield LiveJob(
            f"random {seed}, {network.name}",
            script,
            network.fresh,
            [network.input],
            network.target,
            {"default": config},
            10,
        )
