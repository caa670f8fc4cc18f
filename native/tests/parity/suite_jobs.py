"""What the suite merges: adapters made and merged by PEFT, on the real encoder and at random."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from peft import OFTConfig, PeftModel, get_peft_model
from torch import nn
from transformers import BertModel, PreTrainedTokenizerFast

import rotation
from files import Tensors, load_file, randomize_rotations, save_adapter, write_json, write_tensors


@dataclasses.dataclass(frozen=True)
class Job:
    """A base folder, an adapter folder, and what merging them must give."""

    name: str
    base: Path
    adapter: Path
    expected: Tensors
    peft_seconds: float | None  # None: PEFT 0.21 cannot compute it


ATTENTION = ["query", "key", "value"]
LINEARS = [*ATTENTION, "dense"]
SIGMA = 0.02  # of q: rotations by a few degrees, as training makes them


def exact(**options) -> dict:
    return {"target_modules": LINEARS, "oft_block_size": 32, "use_cayley_neumann": False, **options}


def neumann(**options) -> dict:
    return exact(use_cayley_neumann=True, **options)


# name, dtype of the base, config
ENCODER_JOBS = [
    ("exact", torch.float32, exact()),
    ("neumann 5", torch.float32, neumann()),
    ("neumann 4", torch.float32, neumann(num_cayley_neumann_terms=4)),
    ("coft", torch.float32, exact(coft=True, eps=0.5)),
    ("coft shared", torch.float32, neumann(coft=True, eps=0.1, block_share=True)),
    ("shared", torch.float32, exact(block_share=True)),
    ("r given", torch.float32, exact(r=8, oft_block_size=0)),
    ("b given, adjusted", torch.float32, exact(oft_block_size=50)),
    ("embeddings", torch.float32, exact(target_modules=["word_embeddings", "query"])),
    ("biases, pooler saved", torch.float32, exact(bias="all", modules_to_save=["pooler.dense"],
                                                  target_modules=ATTENTION)),
    ("bf16 base, exact", torch.bfloat16, exact(target_modules=["word_embeddings", *LINEARS])),
    ("bf16 base, neumann 5", torch.bfloat16, neumann()),
    ("fp16 base, exact", torch.float16, exact()),
]  # fmt: skip


def merge_with_peft(base: nn.Module, adapter: Path) -> tuple[nn.Module, float]:
    """The merged model, and the seconds that loading the adapter and merging took."""
    start = time.perf_counter()
    merged = PeftModel.from_pretrained(base, adapter).merge_and_unload()
    return merged, time.perf_counter() - start


def encoder_base(encoder: Path, dtype: torch.dtype, folder: Path) -> Path:
    """The encoder's folder, or a copy in another dtype."""
    if dtype == torch.float32:
        return encoder
    model = BertModel.from_pretrained(encoder, dtype=dtype)
    model.save_pretrained(folder)
    return folder


def encoder_job(name: str, base: Path, adapted: PeftModel, work: Path) -> Job:
    """Saves the adapter, and has PEFT merge and transformers save the result, as users do."""
    save_adapter(adapted, work / "adapter")
    merged, seconds = merge_with_peft(BertModel.from_pretrained(base), work / "adapter")
    merged.save_pretrained(work / "expected")
    expected = load_file(work / "expected" / "model.safetensors")
    return Job(f"MiniLM {name}", base, work / "adapter", expected, seconds)


def encoder_jobs(encoder: Path, work: Path) -> Iterator[Job]:
    for index, (name, dtype, config) in enumerate(ENCODER_JOBS):
        folder = work / f"encoder{index}"
        base = encoder_base(encoder, dtype, folder / "base")
        adapted = get_peft_model(BertModel.from_pretrained(base), OFTConfig(**config))
        generator = torch.Generator().manual_seed(index)
        randomize_rotations(adapted, SIGMA, generator)
        with torch.no_grad():
            for parameter_name, parameter in adapted.named_parameters():
                if parameter.requires_grad and ".oft_" not in parameter_name:
                    parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.01)
        yield encoder_job(name, base, adapted, folder)
    adapted = trained_adapter(encoder)
    yield encoder_job("trained", encoder, adapted, work / "trained")
    yield series_of_0_17(encoder, work / "series")


PARAPHRASES = [
    ("The train was late again.", "Once more the train did not arrive on time."),
    ("She bought a red bicycle.", "A red bike is what she purchased."),
    ("Rain is expected tomorrow.", "The forecast for tomorrow says rain."),
    ("He cannot find his keys.", "His keys are lost."),
    ("The shop closes at six.", "Six o'clock is when the store shuts."),
    ("Bees make honey.", "Honey is produced by bees."),
]


def trained_adapter(encoder: Path, steps: int = 5) -> PeftModel:
    """A few contrastive steps: each sentence is to be nearest to its own paraphrase."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(encoder / "tokenizer.json"))
    tokenizer.pad_token = "[PAD]"
    torch.manual_seed(0)
    adapted = get_peft_model(BertModel.from_pretrained(encoder), OFTConfig(**exact()))
    optimizer = torch.optim.AdamW([p for p in adapted.parameters() if p.requires_grad], 1e-3)
    sides = [tokenizer(list(s), padding=True, return_tensors="pt") for s in zip(*PARAPHRASES)]
    for _ in range(steps):
        embedded = []
        for side in sides:
            mask = side["attention_mask"]
            states = adapted(input_ids=side["input_ids"], attention_mask=mask).last_hidden_state
            mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
            embedded.append(nn.functional.normalize(mean, dim=-1))
        loss = nn.functional.cross_entropy(
            20 * embedded[0] @ embedded[1].T, torch.arange(len(PARAPHRASES))
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return adapted


def series_of_0_17(encoder: Path, work: Path) -> Job:
    """An adapter as PEFT 0.16 and 0.17 saved it; what they computed, by the formula in float64."""
    adapted = get_peft_model(BertModel.from_pretrained(encoder), OFTConfig(**neumann()))
    randomize_rotations(adapted, SIGMA, torch.Generator().manual_seed(17))
    adapter = work / "adapter"
    save_adapter(adapted, adapter)
    config = json.loads((adapter / "adapter_config.json").read_text())
    del config["peft_version"]  # these releases wrote none
    write_json(adapter / "adapter_config.json", config)
    expected = load_file(encoder / "model.safetensors")
    for key, q in load_file(adapter / "adapter_model.safetensors").items():
        name = key.removeprefix("base_model.model.").replace(".oft_R.weight", ".weight")
        R = rotation.blocks(q.double().numpy(), 32, rotation.NEUMANN_0_17, 5)
        merged = rotation.merge_linear(expected[name].double().numpy(), R)
        expected[name] = torch.from_numpy(merged).to(expected[name].dtype)
    return Job("MiniLM series of PEFT 0.17", encoder, adapter, expected, peft_seconds=None)


class RandomModel(nn.Module):
    """Layers of all three kinds, of random sizes; never run, only adapted and merged."""

    def __init__(self, choose: random.Random):
        super().__init__()
        size = lambda: choose.randint(8, 40)  # noqa: E731
        self.tokens = nn.Embedding(size(), size())
        self.image = nn.Conv2d(choose.randint(1, 6), size(), choose.choice([1, 2, 3]))
        self.blocks = nn.ModuleList(
            nn.ModuleDict({name: nn.Linear(size(), size()) for name in ("up", "down")})
            for _ in range(2)
        )


def random_config(choose: random.Random) -> OFTConfig:
    by_blocks = choose.random() < 0.4
    coft = choose.random() < 0.4
    return OFTConfig(
        r=choose.randint(1, 8) if by_blocks else 0,
        oft_block_size=0 if by_blocks else choose.randint(2, 40),
        target_modules=choose.choice(
            [["up", "down"], ["tokens", "up"], ["image", "down"], ["tokens", "image", "up", "down"],
             r"blocks\.\d\.(up|down)", "all-linear"]
        ),
        use_cayley_neumann=choose.random() < 0.5,
        num_cayley_neumann_terms=choose.randint(2, 9),
        block_share=choose.random() < 0.3,
        coft=coft,
        eps=choose.choice([0.01, 0.1, 1.0]) if coft else 6e-5,
    )  # fmt: skip


def random_jobs(work: Path, count: int) -> Iterator[Job]:
    dtypes = [torch.float32, torch.float32, torch.float64, torch.bfloat16, torch.float16]
    for seed in range(count):
        choose, folder = random.Random(seed), work / f"random{seed}"
        torch.manual_seed(seed)
        dtype = choose.choice(dtypes)
        base = RandomModel(choose).to(dtype)
        write_tensors(folder / "base" / "model.safetensors", base.state_dict())
        adapted = get_peft_model(copy.deepcopy(base), random_config(choose))
        randomize_rotations(adapted, 0.1, torch.Generator().manual_seed(seed))
        save_adapter(adapted, folder / "adapter")
        merged, seconds = merge_with_peft(base, folder / "adapter")
        name = f"random {seed}, {str(dtype).removeprefix('torch.')}"
        yield Job(name, folder / "base", folder / "adapter", merged.state_dict(), seconds)
