"""Consumer `small_transformer`: a byte transformer trained from scratch, on a fixed count of bytes.

The one consumer that learns in steps, as a large model does; dear, so it runs only when asked for.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from jaxtyping import Float

from tasks.proving.consumers.kinds import OfTexts
from tasks.proving.task import Schedule, Task
from tasks.proving.text_bytes import SYMBOLS, bits_per_row, joined, texts_of

if TYPE_CHECKING:
    import torch

BATCH: Final = 64  # windows foretold at a time
WARM_UP: Final = 0.1  # share of the steps over which the rate rises


@dataclass(frozen=True)
class SmallTransformer(OfTexts):
    """Bits per byte of the held-out texts after `train_bytes` bytes of training; lower is better.

    A decoder of `layers` pre-norm blocks over windows of `window` bytes, AdamW, rate warmed up and
    then lowered along a cosine. Every subset is trained on equally many bytes: a small one is gone
    through more often, its rows in a new order each time. Of the test rows at most `test_bytes`
    bytes are foretold, the same for every subset. Deterministic for a seed on one type of
    processor.
    """

    version: ClassVar[str] = "1.0.0"
    train_bytes: int = 500_000
    test_bytes: int = 65_536
    width: int = 160
    layers: int = 4
    heads: int = 4
    window: int = 128
    batch_windows: int = 8
    rate: float = 2e-3

    def answers(self, task: Task, schedule: Schedule, seed: int) -> Float[np.ndarray, " t"]:
        """Bits that each test row costs; NaN for those beyond `test_bytes`."""
        import torch

        with torch.random.fork_rng(devices=[]), _one_thread():
            torch.manual_seed(seed)
            model = _decoder(self)
            self._train(model, task, schedule, seed)
            return bits_per_row(task, self.test_bytes, partial(self._bits, model))

    def _train(self, model: "torch.nn.Module", task: Task, schedule: Schedule, seed: int) -> None:
        import torch

        batch = self.batch_windows * self.window
        steps = max(1, self.train_bytes // batch)
        optimiser = torch.optim.AdamW(model.parameters(), lr=self.rate, weight_decay=0.1)
        rates = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
        stream = _blocks(_epochs(task, schedule, seed), batch + 1)
        model.train()
        for _ in range(steps):
            block = torch.from_numpy(next(stream).astype(np.int64))
            inputs = block[:-1].view(self.batch_windows, self.window)
            targets = block[1:].view(self.batch_windows, self.window)
            optimiser.zero_grad()
            _surprise(model(inputs), targets).mean().backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            rates.step()

    def _bits(self, model: "torch.nn.Module", texts: list[str]) -> Float[np.ndarray, " e"]:
        """Surprise at each byte of the texts, window by window."""
        import torch

        held_out, _ = joined(texts)
        windows = -(-len(held_out) // self.window)
        padded = np.zeros(windows * self.window + 1, dtype=np.int64)
        padded[1 : len(held_out) + 1] = held_out  # before the first text as before any: a 0
        block = torch.from_numpy(padded)
        inputs, targets = (part.view(windows, self.window) for part in (block[:-1], block[1:]))
        model.eval()
        with torch.no_grad():
            parts = zip(torch.split(inputs, BATCH), torch.split(targets, BATCH), strict=True)
            nats = torch.cat([_surprise(model(one), other) for one, other in parts])
        return np.asarray(nats[: len(held_out)].double().numpy() / math.log(2))


def _decoder(settings: SmallTransformer) -> "torch.nn.Module":
    import torch
    from torch import nn

    class Decoder(nn.Module):
        """Bytes in, scores of the next byte out; input and output share their table."""

        def __init__(self) -> None:
            super().__init__()
            width = settings.width
            self.bytes = nn.Embedding(SYMBOLS, width)
            self.places = nn.Embedding(settings.window, width)
            nn.init.normal_(self.bytes.weight, std=0.02)
            nn.init.normal_(self.places.weight, std=0.02)
            block = nn.TransformerEncoderLayer(
                width, settings.heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
            )
            self.blocks = nn.TransformerEncoder(block, settings.layers, nn.LayerNorm(width), False)
            mask = nn.Transformer.generate_square_subsequent_mask(settings.window)
            self.register_buffer("mask", mask)

        def forward(self, codes: torch.Tensor) -> torch.Tensor:
            places = torch.arange(codes.shape[1])
            state = self.bytes(codes) + self.places(places)
            state = self.blocks(state, mask=self.mask, is_causal=True)
            return torch.as_tensor(state @ self.bytes.weight.T)

    return Decoder()


def _surprise(scores: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
    """Nats at each byte, in order."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction="none")


def _rate(step: int, steps: int) -> float:
    rise = max(1, int(WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def _epochs(task: Task, schedule: Schedule, seed: int) -> Iterator[np.ndarray]:
    """The schedule's epochs as bytes, without end, their rows in a new order every time."""
    random = np.random.default_rng([seed, len(task.texts)])
    while True:
        for rows in schedule:
            yield joined(texts_of(task, random.permutation(rows)))[0]


def _blocks(parts: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Cut an endless stream of bytes into blocks, each beginning with the last byte before it."""
    rest = np.zeros(1, dtype=np.uint8)
    for part in parts:
        rest = np.concatenate([rest, part])
        while len(rest) >= size:
            yield rest[:size]
            rest = rest[size - 1 :]


class _one_thread:  # noqa: N801  # a context manager
    """One thread, so that sums have one order whatever the machine."""

    def __enter__(self) -> None:
        import torch

        self.before = torch.get_num_threads()
        torch.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        import torch

        torch.set_num_threads(self.before)
