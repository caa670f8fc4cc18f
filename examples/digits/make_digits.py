"""Makes this folder's data: a digit classifier, and an OFT adapter for digits turned by 90 degrees.

usage: make_digits.py [FOLDER]          (needs torch, peft and scikit-learn; takes ten seconds)

The classifier learns upright digits. PEFT then trains an adapter on turned ones, with the
classifier frozen. One split serves both: no test image was seen by either training. base.pt is the
classifier again, as TorchScript; the .jsonl files hold the turned digits of both sorts.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import peft
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy, relu

sys.path.append(str(Path(__file__).resolve().parents[2] / "native/tests/parity"))
from make_scripted import without_debug_records  # noqa: E402

PIXELS, WIDTH, CLASSES, TRAINING_IMAGES = 64, 256, 10, 1200


class DigitNet(nn.Module):
    """[n, 64] pixels in 0..16, of any type -> [n, 10] class scores."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(PIXELS, WIDTH)
        self.fc2 = nn.Linear(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = pixels.float() / 16
        return self.head(relu(self.fc2(relu(self.fc1(x)))))


def fit(model: nn.Module, x: torch.Tensor, labels: torch.Tensor, rate: float, epochs: int) -> None:
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            cross_entropy(model(x[batch]), labels[batch]).backward()
            optimizer.step()
        schedule.step()


def accuracy(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> float:
    with torch.no_grad():
        predicted = model(images).argmax(1)
    return (predicted == labels).float().mean().item()


def save_script(model: nn.Module, file: Path) -> None:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(model.eval()), buffer)
    file.write_bytes(without_debug_records(buffer.getvalue()))


def save_examples(file: Path, images: torch.Tensor, labels: torch.Tensor) -> None:
    """A line an example, as `oft train` reads them."""
    examples = [
        {"input": image, "target": label}
        for image, label in zip(images.tolist(), labels.tolist(), strict=True)
    ]
    lines = (json.dumps(example, separators=(",", ":")) for example in examples)
    file.write_text("".join(line + "\n" for line in lines))


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    torch.manual_seed(0)
    torch.set_num_threads(1)  # the order of sums, and so the result, depends on it

    digits = load_digits()
    order = torch.randperm(len(digits.data))
    plain = torch.tensor(digits.data, dtype=torch.uint8)[order]
    turned = plain.view(-1, 8, 8).rot90(1, (1, 2)).reshape(-1, PIXELS)
    labels = torch.tensor(digits.target)[order]
    train, test = slice(TRAINING_IMAGES), slice(TRAINING_IMAGES, None)

    base = DigitNet()
    size = sum(p.numel() for p in base.parameters())
    fit(base, plain[train], labels[train], rate=1e-3, epochs=40)
    base_folder = folder / "base"
    base_folder.mkdir(parents=True, exist_ok=True)
    save_file(base.state_dict(), base_folder / "model.safetensors", {"format": "pt"})
    config = {
        "architectures": ["DigitNet"],
        "description": "fc1 64-256, ReLU, fc2 256-256, ReLU, head 256-10; input = pixels / 16",
    }
    (base_folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_script(base, folder / "base.pt")
    results = {
        "base on plain": accuracy(base, plain[test], labels[test]),
        "base on turned": accuracy(base, turned[test], labels[test]),
    }

    targets = ["fc1", "fc2"]
    oft = peft.OFTConfig(oft_block_size=32, use_cayley_neumann=False, target_modules=targets)
    adapted = peft.get_peft_model(base, oft)
    fit(adapted, turned[train], labels[train], rate=3e-3, epochs=80)
    results["adapted on turned"] = accuracy(adapted, turned[test], labels[test])
    adapted.peft_config["default"].target_modules = targets  # PEFT's set has no order
    adapted.save_pretrained(folder / "adapter")
    (folder / "adapter" / "README.md").unlink()

    save_examples(folder / "training.jsonl", turned[train], labels[train])
    save_examples(folder / "test.jsonl", turned[test], labels[test])
    for file in folder.rglob("*.safetensors"):
        file.chmod(0o644)
    for name, value in results.items():
        print(f"{name}: {value:.1%}")
    trained = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    print(f"{trained} trained parameters beside {size} frozen ones")


if __name__ == "__main__":
    main()
