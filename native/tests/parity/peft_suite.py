"""PEFT against oft, on real and on random models.

usage: peft_suite.py --oft OFT --cache FOLDER
           [--writer COMMAND] [--runner COMMAND] [--random N]

merge: adapters that PEFT wrote are merged by `OFT merge BASE ADAPTER OUT --json` and by PEFT's
  merge_and_unload; every tensor of the two checkpoints is compared. float32 may differ by 2e-6,
  float64 by 1e-12, 16-bit weights by one rounding.
write: `COMMAND IN OUT` re-saves each committed adapter folder; PEFT must load the copy without a
  warning and find the same state and configuration in it. Without --writer it is not run.
live: `COMMAND` (live_adapter) loads an adapter that PEFT wrote onto a TorchScript model, runs and
  trains it, and saves it. Its outputs and gradients and the losses of its steps are PEFT's (losses
  within 1e-5 of each), and PEFT computes the same outputs with what it saved. Without --runner it
  is not run.

Prints a line a check and, at the end, "N passed, N failed". Exit status 1 if any failed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
import transformers
from peft import PeftConfig, PeftModel, get_peft_model_state_dict

from files import Tensors, load_file
from make_real_encoder import make as make_real_encoder
from suite_diffusion import diffusion_jobs, diffusion_live_jobs
from suite_jobs import Job, encoder_jobs, random_jobs
from suite_live import LiveJob, encoder_live_jobs, random_live_jobs, run_live
from tiny_encoder import from_state

TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6, torch.bfloat16: 2e-6, torch.float16: 2e-6}
GRADIENT_TOLERANCE = {torch.float64: 1e-11, torch.float32: 1e-4}
DATA = Path(__file__).parent.parent / "data"


class Mismatch(Exception):
    """What `oft` made is not what PEFT makes."""


@dataclasses.dataclass
class Comparison:
    """`largest`: absolute difference; `rounded`: 16-bit values rounded to another neighbour."""

    tensors: int = 0
    values: int = 0
    largest: float = 0.0
    rounded: int = 0


def steps_apart(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """How many representable 16-bit floats lie between."""

    def ordinal(x):
        bits = x.view(torch.int16).int()
        return torch.where(bits < 0, -(bits & 0x7FFF), bits)

    return (ordinal(a) - ordinal(b)).abs()


def compare(ours: Tensors, theirs: Tensors) -> Comparison:
    """Raises Mismatch that names the first tensor which differs by more than rounding."""
    if ours.keys() != theirs.keys():
        raise Mismatch(f"tensors in one file only: {sorted(ours.keys() ^ theirs.keys())[:5]}")
    result = Comparison()
    for name, a in ours.items():
        b = theirs[name]
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            raise Mismatch(f"{name}: {a.dtype} {[*a.shape]}, PEFT {b.dtype} {[*b.shape]}")
        result.tensors += 1
        result.values += a.numel()
        if a.numel() == 0 or torch.equal(a, b):
            continue
        difference = (a.double() - b.double()).abs()
        wrong = ~(difference <= TOLERANCE[a.dtype])  # NaN is wrong, too
        if a.dtype.itemsize == 2:
            result.rounded += int((a != b).sum())
            wrong &= steps_apart(a, b) > 1
        if wrong.any():
            at = tuple(wrong.nonzero()[0].tolist())
            raise Mismatch(
                f"{name}: {int(wrong.sum())} of {a.numel()} values differ by up to "
                f"{difference.max():.2e}, the first at {list(at)}: {a[at]:.9g}, PEFT {b[at]:.9g}"
            )
        result.largest = max(result.largest, difference.max().item())
    return result


def run(command: list[str]) -> str:
    """Standard output; Mismatch with the end of standard error if the command fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        raise Mismatch(f"{shlex.join(command[:2])}: exit status {done.returncode}: {said[-500:]}")
    return done.stdout


def check_merge(job: Job, oft: str, out: Path) -> str:
    start = time.perf_counter()
    printed = run([oft, "merge", str(job.base), str(job.adapter), str(out), "--json"])
    seconds = time.perf_counter() - start
    json.loads(printed)
    for file in job.base.iterdir():
        if file.suffix != ".safetensors" and file.read_bytes() != (out / file.name).read_bytes():
            raise Mismatch(f"{file.name} of the base folder did not come along unchanged")
    result = compare(load_file(out / "model.safetensors"), job.expected)
    rounded = f"{result.rounded} of {result.values} rounded apart" if result.rounded else ""
    peft = "" if job.peft_seconds is None else f"(PEFT {job.peft_seconds:.1f} s)"
    return (
        f"{result.tensors:4d} tensors  max diff {result.largest:.1e}  "
        f"{seconds:5.1f} s {peft:13}  {rounded}"
    ).rstrip()


def adapter_state(base: Path, adapter: Path) -> tuple[Tensors, dict]:
    """What PEFT finds in an adapter folder."""
    model = PeftModel.from_pretrained(from_state(load_file(base / "model.safetensors")), adapter)
    config = PeftConfig.from_pretrained(adapter).to_dict()
    sets = {key: sorted(value) for key, value in config.items() if isinstance(value, set)}
    return get_peft_model_state_dict(model, save_embedding_layers=True), config | sets


def check_writer(record: dict, writer: list[str], out: Path) -> str:
    base, adapter = DATA / record["base"], DATA / record["adapter"]
    run([*writer, str(adapter), str(out)])
    with warnings.catch_warnings():
        warnings.filterwarnings("error")
        # Of the request, not of the file: a block size that does not divide some layer.
        warnings.filterwarnings("ignore", message="Invalid `")
        ours, our_config = adapter_state(base, out)
        theirs, their_config = adapter_state(base, adapter)
    differing = [key for key in their_config if our_config.get(key) != their_config[key]]
    if differing or our_config.keys() != their_config.keys():
        raise Mismatch(f"the configuration differs in {differing or 'its keys'}")
    if ours.keys() != theirs.keys():
        raise Mismatch(f"tensors in one copy only: {sorted(ours.keys() ^ theirs.keys())[:5]}")
    for name, tensor in theirs.items():
        if not torch.equal(ours[name], tensor):
            raise Mismatch(f"{name} is not what was stored")
    return f"{len(theirs):4d} tensors identical"


def relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest difference, measured by the largest value."""
    largest = theirs.abs().max().item()
    return (ours - theirs).abs().max().item() / largest if largest else float(ours.any())


def check_live(job: LiveJob, runner: str, work: Path) -> str:
    result = run_live(job, runner, run, work)
    ours, theirs = result.ours, result.theirs
    if ours.gradients.keys() != theirs.gradients.keys():
        raise Mismatch(f"gradients of one only: {ours.gradients.keys() ^ theirs.gradients.keys()}")
    exact = TOLERANCE[theirs.output.dtype]
    gradient = max(
        relative(ours.gradients[name], gradient) for name, gradient in theirs.gradients.items()
    )
    figures = {
        "output": ((ours.output - theirs.output).abs().max().item(), exact),
        "gradients": (gradient, GRADIENT_TOLERANCE[theirs.output.dtype]),
        "losses": (((ours.losses - theirs.losses) / theirs.losses).abs().max().item(), 1e-5),
        "saved": ((ours.trained - result.reloaded).abs().max().item(), exact),
    }
    for what, (figure, limit) in figures.items():
        if not figure <= limit:
            raise Mismatch(f"{what}: differ by {figure:.2e}, more than {limit:.0e}")
    return "  ".join(f"{what} {figure:.1e}" for what, (figure, _) in figures.items())


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name: str, action: Callable[[], str]) -> None:
        try:
            outcome, text = "ok", action()
            self.passed += 1
        except Exception as error:  # whatever PEFT raises on our files is a failed check, too
            kind = "" if isinstance(error, Mismatch) else f"{type(error).__name__}: "
            outcome, text = "FAILED", f"{kind}{error}"
            self.failed += 1
        print(f"{name:38} {outcome:6}  {text}", flush=True)


def check_merges(report: Report, options: argparse.Namespace, encoder: Path, work: Path) -> None:
    for source in (
        encoder_jobs(encoder, work),
        diffusion_jobs(work),
        random_jobs(work, options.random),
    ):
        for job in source:
            out = work / "merged"
            report.check(f"merge {job.name}", lambda: check_merge(job, options.oft, out))
            shutil.rmtree(out, ignore_errors=True)
            shutil.rmtree(job.adapter.parent)


def check_writers(report: Report, options: argparse.Namespace, work: Path) -> None:
    for record in json.loads((DATA / "adapters.json").read_text())["adapters"]:
        if "peft" in record:  # an older release: not a file that this PEFT would write
            continue
        out = work / "written"
        report.check(f"write {record['name']}", lambda: check_writer(record, options.writer, out))
        shutil.rmtree(out, ignore_errors=True)


def check_lives(report: Report, options: argparse.Namespace, encoder: Path, work: Path) -> None:
    for source in (
        encoder_live_jobs(encoder),
        diffusion_live_jobs(work),
        random_live_jobs(work, options.random),
    ):
        for job in source:
            out = work / "live"
            report.check(f"live {job.name}", lambda: check_live(job, options.runner, out))
            shutil.rmtree(out, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--oft", required=True, help="the oft command")
    parser.add_argument("--cache", required=True, type=Path, help="keeps the real encoder")
    parser.add_argument("--writer", type=shlex.split, help="re-saves adapter IN to OUT")
    parser.add_argument("--runner", help="live_adapter")
    parser.add_argument("--random", type=int, default=20, help="number of random models (20)")
    options = parser.parse_args()

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    # Sizes that do not divide a layer are part of the suite; PEFT warns of each.
    warnings.filterwarnings("ignore", message="Invalid `")
    encoder = make_real_encoder(options.cache)
    report = Report()
    with tempfile.TemporaryDirectory(dir=options.cache) as temporary:
        work = Path(temporary)
        check_merges(report, options, encoder, work)
        if options.writer:
            check_writers(report, options, work)
        else:
            print("write: NOT RUN, no --writer given")
        if options.runner:
            check_lives(report, options, encoder, work)
        else:
            print("live: NOT RUN, no --runner given")
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
