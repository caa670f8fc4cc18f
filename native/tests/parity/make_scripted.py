"""Writes ../data/scripted.pt: a small network as TorchScript, for `oft info`."""

import io
import zipfile
from pathlib import Path

import torch


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = torch.nn.Linear(8, 6)
        self.fc2 = torch.nn.Linear(6, 4, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(torch.relu(self.fc1(x)))


def without_debug_records(archive: bytes) -> bytes:
    """They hold source texts with the paths of the machine that made the file."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(result, "w") as target:
        for item in source.infolist():
            if not item.filename.endswith(".debug_pkl"):
                target.writestr(zipfile.ZipInfo(item.filename), source.read(item))
    return result.getvalue()


def main() -> None:
    torch.manual_seed(0)
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(Net().half()), buffer)
    path = Path(__file__).parents[1] / "data" / "scripted.pt"
    path.write_bytes(without_debug_records(buffer.getvalue()))


if __name__ == "__main__":
    main()
