"""What several folders of tests share: a tiny model, and the packaged one, each loaded once."""

import pytest


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """Folder of a real static model of 40 words and 16 dimensions."""
    from tests.tiny_model import save_static_model

    return save_static_model(tmp_path_factory.mktemp("tiny_model"))


@pytest.fixture(scope="session")
def minilm():
    """The packaged model, in batches of four so that a few texts cost little."""
    from schemas.params import EmbedParams
    from tasks.encoders import load_encoder

    return load_encoder(EmbedParams(batch_rows=4))
