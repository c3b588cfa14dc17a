"""A sentence-transformers model of 40 words and 16 dimensions: real, and loaded in no time."""

from pathlib import Path

import numpy as np

VOCABULARY = [
    "[UNK]", "the", "a", "of", "to", "and", "in", "is", "it", "for", "with", "water", "fire",
    "earth", "air", "light", "dark", "stone", "tree", "river", "bird", "fish", "song", "word",
    "page", "rule", "law", "list", "code", "data", "row", "file", "read", "write", "learn",
    "train", "model", "text", "one", "two",
]  # fmt: skip
WIDTH = 16


def save_static_model(folder: Path, seed: int = 0) -> Path:
    """Save a `StaticEmbedding` model; an unknown word is a vector of zeros."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    words = {word: place for place, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    signs = normalizers.Replace(Regex(r"[^\w\s]+"), "")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), signs])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    weights = np.random.default_rng(seed).standard_normal((len(words), WIDTH))
    weights[0] = 0  # a word it does not know says nothing
    static = StaticEmbedding(tokenizer, embedding_weights=torch.tensor(weights.astype(np.float32)))
    SentenceTransformer(modules=[static], device="cpu").save(str(folder), create_model_card=False)
    return folder
