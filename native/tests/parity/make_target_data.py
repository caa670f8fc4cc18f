"""Writes native/tests/data/targets.json: what PEFT would adapt, for many configs on a few models.

usage: make_target_data.py [DATA]

Names, kinds and heads are those of small transformers models, and of one invented list of awkward
names. Expected matches come from PEFT's own functions, one name at a time, without the step that
condenses lists of 20 targets or more. The file has one line for each model and case:

- `models`: `layers` as [name, kind], and what else target resolution knows of a model
- `cases`: `config` (fields of OFTConfig) on `model`, and in `matches` the indexes of the layers
  adapted, or "error" where PEFT refuses the config
- `rank_cases`: `ranks`, what `rank_pattern` gives each layer of `model`, as PEFT's LoRA reads it
"""

from __future__ import annotations

import itertools
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

from files import versions
from peft import OFTConfig
from peft.tuners.oft.model import OFTModel
from peft.tuners.tuners_utils import _maybe_include_all_linear_layers, check_target_module_exists
from peft.utils.other import get_pattern_key
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
)
from transformers.pytorch_utils import Conv1D

RANDOM_CASES_PER_MODEL = 60

KINDS = {
    nn.Linear: "Linear",
    Conv1D: "Conv1D",
    nn.Conv1d: "Conv1d",
    nn.Conv2d: "Conv2d",
    nn.Embedding: "Embedding",
}

SMALL = {
    "vocab_size": 16,
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
}
SMALL_GPT2 = {"vocab_size": 16, "n_embd": 8, "n_layer": 2, "n_head": 2}
SMALL_T5 = {"vocab_size": 16, "d_model": 8, "d_ff": 12, "d_kv": 4, "num_layers": 2, "num_heads": 2}
MODELS = {
    "bert": (AutoModel, "bert", SMALL),
    "bert_classifier": (AutoModelForSequenceClassification, "bert", SMALL),
    "roberta_classifier": (AutoModelForSequenceClassification, "roberta", SMALL),
    "llama": (AutoModelForCausalLM, "llama", SMALL),
    "gpt2": (AutoModelForCausalLM, "gpt2", SMALL_GPT2),
    "t5": (AutoModelForSeq2SeqLM, "t5", SMALL_T5),
}
AWKWARD = """
    layers.1.att.q model.layers.1.att.q model.layers.12.att.q model.layers.1.experts.3.q h.0.mlp.q
    a.h.0.mlp.q blocks.0.layers.1.q x.layer_7.2.q lin block.lin block.lin.0 my_head head head.out
    decoder.head.out.q headless.q soft_proj.q q qq a.b-c.1.d модель.слой.0.запрос модель.слой.1.запрос
    to_out.0 up.0.to_out.0 up.10.to_out.0 score classifier classifier.dense vis.patch vis.patch.proj
    tok tok.emb a+b.q Q.K q.k
""".split()
AWKWARD_KINDS = ["Linear", "Linear", "Conv1D", "Linear", "Conv2d", "Embedding", "Conv1d"]

# The second half has what Python's syntax does not share with PCRE2's, or what neither accepts.
PATTERNS = [
    r".*\.(q_proj|v_proj)",
    r".*query|.*value",
    r".*\.layers?\.0\..*",
    r"(?P<all>.*)\.q",
    r"^(?!.*head).*q$",
    r".*\.[0-1]\.[a-z_.]+",
    r"(?i).*\.QUERY",
    r".*(.)\1",
    r"model\..*",
    r".*\.q(?:_proj)?",
    r"[^.]+",
    r"\w+\.\w+\.0\.\w+",
    r".*[\w-]\.1\.d",
    r".*(?<=\.)q",
    r".*\.слой\.\d.*",
    r"a\+b\.q",
    r"q",
    r"",
    r"\A.*dense\Z",
    r".*\.\d{,1}\..*q",
    r".*[a-d]{,}",
    r".*\x71",
    r".*\u0071",
    r".*\U00000071",
    r".*[[.]q",
    r".*[[:q:]]",
    r"[]q]+",
    r".*\vq",
    r".*(",
    r"*q",
    r"[a",
    r"\Kq",
    r"(*ACCEPT)q",
    r"\x7",
    r"q)",
]

LAYERS = [0, 1, 12, [0, 1], [1], []]
LAYERS_PATTERNS = ["layers", "layer", ["layers", "layer", "h"], "experts", "слой", "h|layer", "", []]
SAVED = [["head"], ["classifier"], ["h.*d"]]
RANK_KEYS = [r".*query", r"layers?\.0\..*", r"q|k", r"^lin", r"\d", r"att\.q$"]


def layers_of(model: nn.Module) -> list[list[str]]:
    layers = []
    for name, module in model.named_modules():
        kind = next((text for cls, text in KINDS.items() if isinstance(module, cls)), "Other")
        if name:
            layers.append([name, kind])
    return layers


def build_models() -> Iterator[tuple[object, dict]]:
    for name, (auto, model_type, sizes) in MODELS.items():
        model = auto.from_config(AutoConfig.for_model(model_type, **sizes))
        head = model.get_output_embeddings()
        yield model, {
            "name": name,
            "model_type": model_type,
            "output_embedding": next((n for n, m in model.named_modules() if m is head), None),
            "is_pretrained_model": True,
            "layers": layers_of(model),
        }
    kinds = itertools.cycle(AWKWARD_KINDS)
    layers = [[name, kind] for name, kind in zip(AWKWARD, kinds)]
    yield AwkwardModel(layers), {
        "name": "awkward",
        "model_type": None,
        "output_embedding": None,
        "is_pretrained_model": False,
        "layers": layers,
    }


class AwkwardModel:
    """Modules by name only: the names of AWKWARD do not all form a tree."""

    MAKE = {
        "Linear": lambda: nn.Linear(2, 2),
        "Conv1D": lambda: Conv1D(2, 2),
        "Conv1d": lambda: nn.Conv1d(2, 2, 1),
        "Conv2d": lambda: nn.Conv2d(2, 2, 1),
        "Embedding": lambda: nn.Embedding(2, 2),
    }

    def __init__(self, layers: list[list[str]]):
        self.modules = [(name, self.MAKE[kind]()) for name, kind in layers]

    def named_modules(self):
        return self.modules


def expected_matches(model, facts: dict, fields: dict) -> list[int] | str:
    """Indexes of the layers PEFT adapts, or "error" where it refuses the config."""
    try:
        config = OFTConfig(**fields)
        config.target_parameters = None
        if config.target_modules is None:
            tuner = SimpleNamespace(target_module_mapping=OFTModel.target_module_mapping)
            config = OFTModel._prepare_adapter_config(tuner, config, facts)
        config = _maybe_include_all_linear_layers(config, model)
        names = [name for name, _ in facts["layers"]]
        return [i for i, name in enumerate(names) if check_target_module_exists(config, name)]
    except (ValueError, re.error):
        return "error"


def random_fields(rng: random.Random, names: list[str]) -> dict:
    def some_names(count: int) -> list[str]:
        """Whole names, ends and parts of them."""
        chosen = []
        for name in rng.sample(names, count):
            parts = name.split(".")
            start = rng.randrange(len(parts))
            chosen.append(rng.choice([name, parts[-1], ".".join(parts[start:]), parts[start]]))
        return chosen

    fields = {}
    roll = rng.random()
    if roll < 0.55:
        fields["target_modules"] = some_names(rng.randint(1, 4))
    elif roll < 0.85:
        fields["target_modules"] = rng.choice(PATTERNS)
    elif roll < 0.95:
        fields["target_modules"] = rng.choice(["all-linear", "ALL-Linear"])
    if rng.random() < 0.3:
        fields["exclude_modules"] = rng.choice([some_names(2), rng.choice(PATTERNS), []])
    if rng.random() < 0.25:
        fields["modules_to_save"] = rng.choice([some_names(2), *SAVED])
    if rng.random() < 0.4:
        fields["layers_to_transform"] = rng.choice(LAYERS)
        if rng.random() < 0.5:
            fields["layers_pattern"] = rng.choice(LAYERS_PATTERNS)
    if rng.random() < 0.3:
        fields["task_type"] = rng.choice(["SEQ_CLS", "CAUSAL_LM"])
    return fields


def random_rank_pattern(rng: random.Random, names: list[str]) -> dict[str, int]:
    keys = [rng.choice(names) for _ in range(2)] + [rng.choice(names).split(".")[-1]]
    keys += rng.sample(RANK_KEYS, 2)
    rng.shuffle(keys)
    return {key: rank for rank, key in enumerate(dict.fromkeys(keys), start=1)}


def rank_of(pattern: dict[str, int], name: str) -> int | None:
    """As PEFT's LoRA finds a layer's rank."""
    return pattern.get(get_pattern_key(pattern.keys(), name))


def lines(records) -> str:
    return "\n" + ",\n".join(json.dumps(record, ensure_ascii=False) for record in records) + "\n"


def main() -> None:
    here = Path(__file__).parent
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else here.parent / "data"
    rng = random.Random(0)
    models, cases, rank_cases = [], [], []
    for model, facts in build_models():
        models.append(facts)
        names = [name for name, _ in facts["layers"]]
        configs = [{}, {"target_modules": []}, {"target_modules": "all-linear"}]
        configs.append({"target_modules": "all-linear", "task_type": "SEQ_CLS"})
        configs.append({"target_modules": "all-linear", "layers_to_transform": 0})
        if facts["name"] == "awkward":
            configs += [{"target_modules": pattern} for pattern in PATTERNS]
        configs += [random_fields(rng, names) for _ in range(RANDOM_CASES_PER_MODEL)]
        for config in configs:
            matches = expected_matches(model, facts, config)
            cases.append({"model": facts["name"], "config": config, "matches": matches})
        for _ in range(4):
            pattern = random_rank_pattern(rng, names)
            ranks = [rank_of(pattern, name) for name in names]
            rank_cases.append({"model": facts["name"], "rank_pattern": pattern, "ranks": ranks})
    parts = {"models": models, "cases": cases, "rank_cases": rank_cases}
    text = "".join(f',\n"{key}": [{lines(records)}]' for key, records in parts.items())
    head = f'{{"made_with": {json.dumps(versions())}'
    (data / "targets.json").write_text(f"{head}{text}}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
