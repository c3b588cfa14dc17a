"""An S3 service over HTTP on loopback: moto's server, a mock that keeps objects in memory."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from flows.server import free_port

SECRET = "planted-secret-access-key-0a1b2c3d"


@dataclass(frozen=True)
class S3:
    """Address of the service, and the environment by which its clients may enter."""

    endpoint: str
    environment: dict[str, str] = field(
        default_factory=lambda: {
            "AWS_ACCESS_KEY_ID": "tester",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    )

    def client(self):
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id="tester",
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )


@contextmanager
def s3_server() -> Iterator[S3]:
    """Run the server while the block runs."""
    port = free_port("127.0.0.1", 0)
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        service = S3(f"http://127.0.0.1:{port}")
        _wait(service, process)
        yield service
    finally:
        process.terminate()
        process.wait(20)


def _wait(service: S3, process: subprocess.Popen) -> None:
    import httpx

    until = time.monotonic() + 90
    while time.monotonic() < until:
        assert process.poll() is None, "the S3 server ended"
        with suppress(httpx.TransportError):
            httpx.get(service.endpoint, timeout=5)
            return
        time.sleep(0.2)
    raise AssertionError("the S3 server does not answer")
