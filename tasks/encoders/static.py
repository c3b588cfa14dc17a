"""Static embedder: the mean of a text's token vectors; fast, and free of neighbours by nature."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from schemas.params import EmbedParams
from tasks.encoders import Encoded, unit_rows

CHUNK_ROWS: Final = 1024


class StaticEncoder:
    """Runs a sentence-transformers `StaticEmbedding` model."""

    def __init__(self, model: Any, identity: str, device: str, params: EmbedParams):
        self.model, self.identity, self.device = model, identity, device
        self.width = int(model[0].embedding.weight.shape[1])
        self.max_tokens = params.max_tokens

    def encode(self, texts: Sequence[str]) -> Iterator[Encoded]:
        """Encode in chunks; each row is a sum over its own tokens in order."""
        import torch

        tokenizer = self.model[0].tokenizer
        for start in range(0, len(texts), CHUNK_ROWS):
            part = list(texts[start : start + CHUNK_ROWS])
            found = [entry.ids for entry in tokenizer.encode_batch(part, add_special_tokens=False)]
            kept = [ids[: self.max_tokens] for ids in found]
            lengths = np.array([len(ids) for ids in kept])
            features = {
                "input_ids": torch.tensor(
                    [token for ids in kept for token in ids], dtype=torch.long
                ),
                "offsets": torch.from_numpy(np.cumsum(lengths) - lengths),
            }
            features = {name: value.to(self.device) for name, value in features.items()}
            with torch.inference_mode():
                vectors = self.model(features)["sentence_embedding"].float().cpu().numpy()
            yield Encoded(
                np.arange(start, start + len(part)),
                unit_rows(vectors),
                np.array([len(ids) for ids in found]),
            )
