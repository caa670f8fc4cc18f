"""Writes twelve_digit_vectors.json: small cases by PEFT in float64, rounded to 12 decimals.

Every number is computed by PEFT and, independently, by rotation.py; the two must agree to 1e-12.
The series of PEFT 0.16 and 0.17 comes from rotation.py alone. See README.md for the format.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from peft import OFTConfig, get_peft_model
from torch import nn

import rotation
from files import versions, write_lines
from make_layer_cases import Host

W_A = [[1, 2, 3, 4], [0.5, -1, 0.25, 2]]
W_B = [[1, 0, -1, 2, 0.5, -0.5], [0.25, -2, 1, 0, 1.5, 3]]
X_A, X_B = [1, -2, 0.5, 3], [1, 2, 3, -1, 0.5, -2]
BIAS = [0.1, -0.2]
Q_A, Q_B = [[0.3], [-0.2]], [[0.1, -0.2, 0.3], [-0.05, 0.15, 0.25]]
IMAGE = np.arange(1.0, 10.0).reshape(1, 1, 3, 3).tolist()


def adapter(q, block_size, terms=None, share=False, eps=None, formula=None) -> dict:
    """`terms` None is the exact transform; `eps` None is no COFT."""
    return {
        "formula": formula or (rotation.EXACT if terms is None else rotation.NEUMANN),
        "terms": 5 if terms is None else terms,
        "block_size": block_size,
        "block_share": share,
        "coft": eps is not None,
        "eps": 6e-5 if eps is None else eps,
        "q": q,
    }


def linear(name, weight, x, *adapters) -> dict:
    return {"name": name, "kind": "linear", "weight": weight, "bias": BIAS, "x": x,
            "adapters": list(adapters)}  # fmt: skip


def vectors() -> list[dict]:
    a_exact = adapter(Q_A, 2)
    second = adapter([[0.1, 0.2, -0.1, 0.05, 0.15, -0.2]], 4)
    shared, coft = Q_B[:1], 0.1
    return [
        linear("A exact", W_A, X_A, a_exact),
        *(linear(f"A neumann {n}", W_A, X_A, adapter(Q_A, 2, n)) for n in (1, 2, 3, 4, 5, 6)),
        linear("B exact", W_B, X_B, adapter(Q_B, 3)),
        *(linear(f"B neumann {n}", W_B, X_B, adapter(Q_B, 3, n)) for n in (3, 5, 6)),
        linear("S shared exact", W_B, X_B, adapter(shared, 3, share=True)),
        linear("S shared neumann 5", W_B, X_B, adapter(shared, 3, 5, share=True)),
        linear("C coft exact", W_B, X_B, adapter(Q_B, 3, eps=coft)),
        linear("C coft neumann 5", W_B, X_B, adapter(Q_B, 3, 5, eps=coft)),
        linear("C coft shared neumann 5", W_B, X_B, adapter(shared, 3, 5, share=True, eps=coft)),
        linear("D first, then second", W_A, X_A, a_exact, second),
        linear("D second, then first", W_A, X_A, second, a_exact),
        {"name": "E embedding neumann 5", "kind": "embedding", "weight": W_A,
         "adapters": [adapter(Q_A, 2, 5)]},
        {"name": "F conv neumann 5", "kind": "conv2d", "x": IMAGE,
         "weight": np.reshape(W_A, (2, 1, 2, 2)).tolist(), "adapters": [adapter(Q_A, 2, 5)]},
        linear("singular neumann 5", [[1, 2]], [3, 4], adapter([[1.0]], 2, 5)) | {"bias": [0]},
        linear("singular exact", [[1, 2]], [3, 4], adapter([[1.0]], 2)) | {"bias": [0]},
        linear("A neumann 5 of PEFT 0.17", W_A, X_A,
               adapter(Q_A, 2, 5, formula=rotation.NEUMANN_0_17)),
    ]  # fmt: skip


def by_peft(vector: dict) -> dict:
    """R of each adapter, and x R, y and the merged weight of all of them in forward order.

    Merging W of a convolution is a matter of W.reshape(out, -1); y is what the merged weight
    gives, for PEFT's unmerged convolution is wrong for kernels larger than 1."""
    weight = torch.tensor(vector["weight"], dtype=torch.float64)
    if vector["kind"] == "embedding":
        layer = nn.Embedding.from_pretrained(weight)
    elif vector["kind"] == "conv2d":
        layer = nn.Conv2d(*weight.shape[1::-1], weight.shape[2:], bias=False).double()
    else:
        layer = nn.Linear(*weight.shape[::-1]).double()
        layer.bias.data = torch.tensor(vector["bias"], dtype=torch.float64)
    layer.weight.data = weight.clone()
    names = [f"adapter{i}" for i in range(len(vector["adapters"]))]
    for name, stored in zip(names, vector["adapters"]):
        config = OFTConfig(
            oft_block_size=stored["block_size"],
            target_modules=["layer"],
            use_cayley_neumann=stored["formula"] == rotation.NEUMANN,
            num_cayley_neumann_terms=stored["terms"],
            block_share=stored["block_share"],
            coft=stored["coft"],
            eps=stored["eps"],
        )
        if name == names[0]:
            model = get_peft_model(Host(layer), config, name)
        else:
            model.add_adapter(name, config)
    oft = model.base_model.model.layer
    rotations = oft.oft_R or oft.oft_embedding_R
    result = {"R": [], "q_after": []}
    for name, stored in zip(names, vector["adapters"]):
        rotations[name].weight.data = torch.tensor(stored["q"], dtype=torch.float64)
    if vector["kind"] == "linear":
        x = torch.tensor(vector["x"], dtype=torch.float64)
        for name in names:
            x = rotations[name](x)
        result["xR"] = x
        model.base_model.set_adapter(names)
        result["y"] = model(torch.tensor(vector["x"], dtype=torch.float64))
    for name, stored in zip(names, vector["adapters"]):
        dense, b, rows = oft.get_delta_weight(name), stored["block_size"], len(stored["q"])
        blocks = [dense[i : i + b, i : i + b] for i in range(0, rows * b, b)]
        result["R"].append(torch.stack(blocks))
        result["q_after"].append(rotations[name].weight.data)
    # PEFT merges a list so that it equals the forward of the reversed list (not for embeddings).
    merged = model.merge_and_unload(adapter_names=names[::-1])
    result["merged"] = merged.layer.weight.data
    if vector["kind"] == "conv2d":
        result["y"] = merged(torch.tensor(vector["x"], dtype=torch.float64))
    return result


def by_formula(vector: dict) -> dict:
    weight = np.asarray(vector["weight"], float)
    flat = weight.reshape(len(weight), -1)
    result = {"R": [], "q_after": []}
    x = np.asarray(vector["x"], float) if vector["kind"] == "linear" else None
    for stored in vector["adapters"]:
        q = np.asarray(stored["q"], float)
        q = rotation.project(q, stored["eps"]) if stored["coft"] else q
        R = rotation.blocks(q, stored["block_size"], stored["formula"], stored["terms"])
        result["R"].append(R)
        result["q_after"].append(q)
        x = x if x is None else rotation.rotate(x, R)
    for R in result["R"] if vector["kind"] == "embedding" else result["R"][::-1]:
        turn = rotation.rotate if vector["kind"] == "embedding" else rotation.merge_linear
        flat = turn(flat, R)
    result["merged"] = flat.reshape(weight.shape)
    if x is not None:
        result |= {"xR": x, "y": x @ np.transpose(vector["weight"]) + vector["bias"]}
    elif vector["kind"] == "conv2d":
        windows = np.lib.stride_tricks.sliding_window_view(np.array(vector["x"]), (2, 2), (2, 3))
        result["y"] = np.einsum("oijk,nixyjk->noxy", result["merged"], windows)
    return result


def rounded(value) -> list:
    return (np.round(np.asarray(value), 12) + 0.0).tolist()  # + 0.0 turns -0.0 into 0.0


def complete(vector: dict) -> dict:
    """The vector with its results, after PEFT and the formulas have been found to agree."""
    results = by_formula(vector)
    if all(stored["formula"] != rotation.NEUMANN_0_17 for stored in vector["adapters"]):
        with torch.no_grad():
            peft_results = by_peft(vector)
        assert results.keys() == peft_results.keys()
        for key, value in peft_results.items():
            pairs = zip(value, results[key]) if isinstance(value, list) else [(value, results[key])]
            for one, other in pairs:
                np.testing.assert_allclose(one, other, rtol=0, atol=1e-12, err_msg=vector["name"])
        results = peft_results
    vector = {**vector, "adapters": [dict(stored) for stored in vector["adapters"]]}
    for index, stored in enumerate(vector["adapters"]):
        stored["R"] = rounded(results["R"][index])
        if stored["coft"]:
            stored["q_after"] = rounded(results["q_after"][index])
    return vector | {key: rounded(results[key]) for key in ("xR", "y", "merged") if key in results}


def main() -> None:
    warnings.filterwarnings("error")
    path = Path(__file__).parents[1] / "data" / "twelve_digit_vectors.json"
    write_lines(path, {"made_with": versions()}, "vectors", [complete(v) for v in vectors()])


if __name__ == "__main__":
    main()
