"""PEFT's side of oft_bench: answers each line of standard input, a JSON object, with one.

usage: peft_peer.py THREADS

    {"do": "hello"}                            versions
    {"do": "make", "name", "work", ...}        gets a piece of work ready
    {"do": "result", "name", "file"}           does it once and saves its tensors
    {"do": "run", "name", "repeats"}           {"seconds": of all repeats}
    {"do": "drop", "name"}
    {"do": "memory"}                           {"bytes": the most that was resident}

What cannot be done is answered with {"error": why}. ../README.md lists the works.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from pathlib import Path

LEAST_PEFT = (0, 18)  # older ones have other formulas


class Peer:
    def __init__(self) -> None:
        self.works = {}
        self.made = {}

    def hello(self) -> dict:
        import peft
        import torch

        if tuple(int(part) for part in peft.__version__.split(".")[:2]) < LEAST_PEFT:
            least = ".".join(map(str, LEAST_PEFT))
            raise RuntimeError(f"PEFT {peft.__version__} is too old: install {least} or newer")
        torch.manual_seed(0)
        from peft_encoder import ENCODER_WORKS
        from peft_job import JOB_WORKS
        from peft_layers import LAYER_WORKS

        self.works = {**LAYER_WORKS, **ENCODER_WORKS, **JOB_WORKS}
        return {
            "python": sys.version.split()[0],
            "torch": torch.__version__,
            "peft": peft.__version__,
            "threads": torch.get_num_threads(),
        }

    def make(self, name: str, work: str, **parameters) -> dict:
        self.made[name] = self.works[work](**parameters)
        return {}

    def result(self, name: str, file: str) -> dict:
        import torch

        torch.save(self.made[name].result(), file)
        return {}

    def run(self, name: str, repeats: int) -> dict:
        work = self.made[name]
        seconds = 0.0
        for _ in range(repeats):
            work.prepare()
            start = time.perf_counter()
            work.run()
            seconds += time.perf_counter() - start
        return {"seconds": seconds}

    def drop(self, name: str) -> dict:
        del self.made[name]
        return {}

    def memory(self) -> dict:
        status = Path("/proc/self/status").read_text()
        return {"bytes": int(status.partition("VmHWM:")[2].split()[0]) * 1024}

    def answer(self, request: dict) -> dict:
        return getattr(self, request.pop("do"))(**request)


def main() -> None:
    warnings.simplefilter("ignore")
    # Not torch.set_num_threads: with it, MKL 2024.2 factorizes batches of large matrices wrongly.
    os.environ["OMP_NUM_THREADS"] = sys.argv[1]
    # Whatever a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer = Peer()
    for line in sys.stdin:
        try:
            answer = peer.answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 - the other side is told
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
