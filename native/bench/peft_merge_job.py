"""PEFT's side of merge_job: loads the base file and the adapter, merges, saves.

usage: peft_merge_job.py BASE.safetensors ADAPTER OUT.safetensors

Prints the seconds (imports not counted) and the peak resident memory of the process in MB.
"""
import resource
import sys
import time

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file


class Layers(torch.nn.Module):
    """Linear layers without bias, of the shapes that a state dict has."""

    def __init__(self, state: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList()
        with torch.device("meta"):
            for i in range(len(state)):
                out_features, in_features = state[f"layers.{i}.weight"].shape
                self.layers.append(torch.nn.Linear(in_features, out_features, bias=False))


def main(base: str, adapter: str, out: str) -> None:
    start = time.perf_counter()
    state = load_file(base)
    model = Layers(state)
    model.load_state_dict(state, assign=True)
    merged = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    save_file(merged.state_dict(), out, {"format": "pt"})
    seconds = time.perf_counter() - start
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)


if __name__ == "__main__":
    main(*sys.argv[1:])
