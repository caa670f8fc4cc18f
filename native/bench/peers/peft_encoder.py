"""Works of the real encoder: forward, step."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers.utils import logging

from work import Work

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "parity"))
from make_real_encoder import SentenceEncoder  # noqa: E402


class Encoder(Work):
    """method: bare, lora (of rank 8) or oft, with the adapter in the folder `adapter`."""

    def __init__(
        self, checkpoint: str, file: str, method: str, targets: list[str], adapter: str = ""
    ) -> None:
        logging.disable_progress_bar()
        logging.set_verbosity_error()
        self.data = torch.load(file, weights_only=False)
        self.model = SentenceEncoder(Path(checkpoint)).eval()
        if method == "lora":
            self.model = get_peft_model(self.model, LoraConfig(r=8, target_modules=targets))
        elif method == "oft":
            self.model = PeftModel.from_pretrained(self.model, adapter, is_trainable=True)

    def inputs(self, batch: str) -> tuple[torch.Tensor, torch.Tensor]:
        return self.data[f"{batch}_ids"], self.data[f"{batch}_mask"]


class Forward(Encoder):
    """Without gradients; `batch` names the inputs."""

    def __init__(self, batch: str, **parameters) -> None:
        super().__init__(**parameters)
        self.batch = batch
        self.model.eval()

    def run(self) -> None:
        with torch.no_grad():
            self.output = self.model(*self.inputs(self.batch))

    def result(self) -> dict[str, torch.Tensor]:
        self.run()
        return {"output": self.output}


class Step(Encoder):
    """Forward, loss, backward and AdamW on the batch."""

    def __init__(self, learning_rate: float, **parameters) -> None:
        super().__init__(**parameters)
        self.model.train()
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, learning_rate)

    def run(self) -> None:
        self.optimizer.zero_grad()
        output = self.model(*self.inputs("batch"))
        loss = torch.nn.functional.mse_loss(output, self.data["target"])
        loss.backward()
        self.optimizer.step()
        self.loss = loss.item()

    def result(self) -> dict[str, torch.Tensor]:
        """The losses of the first steps."""
        losses = []
        for _ in range(3):
            self.run()
            losses.append(self.loss)
        return {"losses": torch.tensor(losses, dtype=torch.float32)}


ENCODER_WORKS = {"forward": Forward, "step": Step}
