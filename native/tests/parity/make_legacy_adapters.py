"""Adapter folders as older PEFT releases wrote them, and what those releases merged.

usage: make_legacy_adapters.py VERSION DATA     (with that release first on PYTHONPATH)

Prints the records for adapters.json. What changed between the releases:
0.14, 0.15  `oft_r` [r, b, b], rotation by the Cayley transform of its skew part, and `oft_s`
            [out, 1], which scales the rows of the rotated weight; COFT limits the norm of oft_r to
            eps * ceil(out / r)^2 / sqrt(r) (peft/tuners/oft/layer.py at tag v0.15.2)
0.16, 0.17  `oft_R.weight` as today, but the Neumann series is I + 2 (Q + ... + Q^(n-1))
Their configs hold no `peft_version`; 0.14 wrote `rank_pattern` and `alpha_pattern`, unused.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import torch
from transformers.utils.import_utils import _LazyModule

# PEFT 0.17 imports a class that transformers 5 dropped, for prompt tuning only.
_LazyModule.HybridCache = None

import peft  # noqa: E402

from files import load_file, randomize_rotations, save_adapter, write_tensors  # noqa: E402
from tiny_encoder import from_state  # noqa: E402

TARGETS = ["q_proj", "up_proj", "down_proj", "patch"]
VARIANTS = {
    "0.14.0": {"peft-0.14": {"r": 8}},
    "0.15.2": {
        "peft-0.15": {"r": 0, "oft_block_size": 8},
        "peft-0.15-coft-shared": {"r": 4, "coft": True, "eps": 0.02, "block_share": True},
    },
    "0.17.1": {
        "peft-0.17": {"oft_block_size": 8, "use_cayley_neumann": True},
        "peft-0.17-terms-4": {
            "oft_block_size": 4,
            "use_cayley_neumann": True,
            "num_cayley_neumann_terms": 4,
        },
        "peft-0.17-exact": {"oft_block_size": 8, "use_cayley_neumann": False},
    },
}


def write(name: str, options: dict, data: Path) -> dict:
    base = load_file(data / "base" / "model.safetensors")
    config = peft.OFTConfig(target_modules=TARGETS, **options)
    adapted = peft.get_peft_model(from_state(base), config)
    generator = torch.Generator().manual_seed(4)
    randomize_rotations(adapted, 0.15, generator)
    with torch.no_grad():
        for parameter_name, parameter in adapted.named_parameters():
            if ".oft_s." in parameter_name:
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    save_adapter(adapted, data / "adapters" / name)
    fresh = from_state(load_file(data / "base" / "model.safetensors"))
    loaded = peft.PeftModel.from_pretrained(fresh, data / "adapters" / name)
    write_tensors(data / "expected" / f"{name}.safetensors", loaded.merge_and_unload().state_dict())
    return {
        "name": name,
        "base": "base",
        "adapter": f"adapters/{name}",
        "expected": f"expected/{name}.safetensors",
        "peft": peft.__version__,
    }


def main() -> None:
    version, data = sys.argv[1], Path(sys.argv[2])
    assert peft.__version__ == version, f"PYTHONPATH holds PEFT {peft.__version__}, not {version}"
    warnings.filterwarnings("ignore", message="Invalid `")
    print(json.dumps([write(name, options, data) for name, options in VARIANTS[version].items()]))


if __name__ == "__main__":
    main()
