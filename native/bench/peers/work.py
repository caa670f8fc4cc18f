"""What a peer does for oft_bench."""

from __future__ import annotations

import torch


class Work:
    """Something that can be done again and again."""

    def prepare(self) -> None:
        """Before each `run`; its time does not count."""

    def run(self) -> None:
        raise NotImplementedError

    def result(self) -> dict[str, torch.Tensor]:
        raise NotImplementedError
