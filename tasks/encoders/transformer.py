"""Transformer embedder in batches of fixed shape, so that a row's neighbours cannot change it.

A sum in floating point depends on the shapes of the matrices it is part of. So every batch has
exactly `batch_rows` rows (short ones are filled with dummy rows of one token) and a length that
depends on each of its rows alone: its tokens rounded up to a multiple of LENGTH_STEP. Then a row's
vector is a function of its text and the model, bit for bit, on one kind of processor.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from schemas.params import EmbedParams
from tasks.encoders import Encoded, unit_rows

LENGTH_STEP: Final = 32


class TransformerEncoder:
    """Runs a sentence-transformers model (its own transformer, pooling and further modules)."""

    def __init__(self, model: Any, identity: str, device: str, params: EmbedParams):
        self.model, self.identity, self.device = model, identity, device
        self.width = int(model.get_embedding_dimension())
        self.batch_rows = params.batch_rows
        self.max_tokens = min(params.max_tokens, model.max_seq_length or params.max_tokens)
        self.prompt = model.prompts.get(model.default_prompt_name, "")

    def encode(self, texts: Sequence[str]) -> Iterator[Encoded]:
        """Encode texts grouped by rounded length, longest first."""
        if not texts:
            return
        whole = self._ids(texts, special=False)
        counts = np.array([len(ids) for ids in whole], dtype=np.int64)
        inputs = self._ids([self.prompt + text for text in texts], special=True)
        lengths = np.array([len(ids) for ids in inputs], dtype=np.int64)
        padded = np.minimum(-(-lengths // LENGTH_STEP) * LENGTH_STEP, self.max_tokens)
        for length in np.unique(padded)[::-1]:
            members = np.flatnonzero(padded == length)
            for start in range(0, len(members), self.batch_rows):
                batch = members[start : start + self.batch_rows]
                vectors = self._forward([inputs[i] for i in batch], int(length))
                yield Encoded(batch, unit_rows(vectors[: len(batch)]), counts[batch])

    def _ids(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        limit = {"truncation": True, "max_length": self.max_tokens} if special else {}
        found = self.model.tokenizer(
            list(texts), add_special_tokens=special, verbose=False, **limit
        )
        ids: list[list[int]] = found["input_ids"]
        return ids

    def _forward(self, rows: list[list[int]], length: int) -> np.ndarray:
        import torch

        pad = self.model.tokenizer.pad_token_id or 0
        ids = np.full((self.batch_rows, length), pad, dtype=np.int64)
        mask = np.zeros_like(ids)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
            mask[place, : len(row)] = 1
        ids[len(rows) :, 0], mask[len(rows) :, 0] = rows[0][0], 1  # dummies attend to one token
        features = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if "token_type_ids" in self.model.tokenizer.model_input_names:
            features["token_type_ids"] = torch.zeros_like(features["input_ids"])
        features = {name: value.to(self.device) for name, value in features.items()}
        with torch.inference_mode():
            out = self.model({**features, "modality": "text"})["sentence_embedding"]
        vectors: np.ndarray = out.float().cpu().numpy()
        return vectors
