"""PEFT's side of train_job: answers each line of standard input with a line of numbers.

usage: peft_train_job.py CHECKPOINT WORKSPACE TARGETS

    seconds NAME step|batch|single    of one run; an empty line where there is no such work
    figures NAME                      the absolute sum of the output, and the losses of some steps
    peak NAME                         MB that a process needs which does nothing else

NAME is bare (the encoder alone), exact or neumann (the adapters in WORKSPACE), or lora (of rank 8).
"""

import subprocess
import sys
import time
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers.utils import logging

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "parity"))
from make_real_encoder import SentenceEncoder  # noqa: E402

LEARNING_RATE = 1e-4
CHECKED_STEPS = 3
SINGLES = 10


class Contender:
    def __init__(self, name: str, checkpoint: Path, workspace: Path, targets: list[str]):
        data = torch.load(workspace / "data.pt", weights_only=False)
        self.inputs = {
            name: [data[key] for key in (f"{name}0", f"{name}1") if key in data]
            for name in ("batch", "single")
        }
        self.target = data["target"]
        self.model = SentenceEncoder(checkpoint).eval()
        self.trains = name != "bare"
        if name == "lora":
            self.model = get_peft_model(self.model, LoraConfig(r=8, target_modules=targets))
        elif name != "bare":
            self.model = PeftModel.from_pretrained(self.model, workspace / name, is_trainable=True)
        if self.trains:
            trained = [p for p in self.model.parameters() if p.requires_grad]
            self.optimizer = torch.optim.AdamW(trained, LEARNING_RATE)

    def forward(self, work: str) -> torch.Tensor:
        self.model.eval()
        with torch.no_grad():
            return self.model(*self.inputs[work])

    def step(self) -> float:
        self.model.train()
        self.optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(self.model(*self.inputs["batch"]), self.target)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def figures(self) -> list[float]:
        figures = [self.forward("batch").abs().sum().item()]
        return figures + [self.step() for _ in range(CHECKED_STEPS if self.trains else 0)]

    def seconds(self, work: str) -> list[float]:
        if work == "step" and not self.trains:
            return []
        times = SINGLES if work == "single" else 1
        start = time.perf_counter()
        for _ in range(times):
            self.step() if work == "step" else self.forward(work)
        return [(time.perf_counter() - start) / times]


def peak_megabytes() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def main(checkpoint: str, workspace: str, targets: str, measured: str = "") -> None:
    logging.disable_progress_bar()
    logging.set_verbosity_error()

    def make(name: str) -> Contender:
        return Contender(name, Path(checkpoint), Path(workspace), targets.split(","))

    if measured:
        make(measured).figures()
        print(peak_megabytes())
        return
    contenders: dict[str, Contender] = {}
    for line in sys.stdin:
        verb, name, *work = line.split()
        if verb == "figures":
            contenders[name] = make(name)
            answer = contenders[name].figures()
        elif verb == "seconds":
            contenders[name] = contenders.get(name) or make(name)
            answer = contenders[name].seconds(*work)
        else:
            command = [sys.executable, *sys.argv, name]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            answer = done.stdout.split()
        print(*answer, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
