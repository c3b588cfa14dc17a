"""What several folders of tests share: a tiny model, and the packaged one, each loaded once."""

import pytest
from hypothesis import settings

settings.register_profile("winnow", deadline=None)  # no test fails for the time it takes
settings.load_profile("winnow")
LONGEST = ("test_curate.py", "test_pipeline.py", "test_incremental.py", "test_repro.py")


def pytest_collection_modifyitems(items):
    """Start the files that take longest first, so that no worker is alone with one at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


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


@pytest.fixture(scope="session")
def s3_process(tmp_path_factory):
    """Address of an S3 server on loopback, a process of its own that ends with the tests."""
    from tests.s3 import moto_process

    with moto_process(tmp_path_factory.mktemp("s3") / "log") as address:
        yield address


@pytest.fixture
def s3_server(s3_process, monkeypatch):
    """That server with one empty bucket; the AWS variables name it, and nothing else."""
    from tests.s3 import ENVIRONMENT, emptied

    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": s3_process}.items():
        monkeypatch.setenv(name, value)
    return emptied(s3_process)


@pytest.fixture
def s3_proxy(s3_server, monkeypatch):
    """A proxy before that server, which the AWS variables name instead; pauses are short."""
    from tasks.storage import retries
    from tests.s3 import proxy_before

    monkeypatch.setattr(retries, "FIRST_WAIT_SECONDS", 0.01)
    with proxy_before(s3_server.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy
