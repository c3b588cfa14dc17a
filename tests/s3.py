"""A real S3 server over HTTP (moto's, in memory, a process of its own), and a proxy with faults."""

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

BUCKET = "corpus"
START_SECONDS = 60
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test-key",
    "AWS_SECRET_ACCESS_KEY": "test-secret",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def moto_process(log: Path) -> Iterator[str]:
    """Start the server on a free loopback port; yields its address once it answers."""
    port = _free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            _wait(port, process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _wait(port: int, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the S3 server did not start:\n{log.read_text()[-2000:]}")


@dataclass(frozen=True)
class S3Server:
    """An S3 server with one empty bucket."""

    endpoint: str
    client: Any

    def put(self, key: str, content: bytes) -> str:
        """Store an object; returns its address."""
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"s3://{BUCKET}/{key}"

    def names(self) -> list[str]:
        """All keys of the bucket, sorted."""
        listed = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [entry["Key"] for entry in listed]


def emptied(endpoint: str) -> S3Server:
    """The server at an address, all it held forgotten, with one empty bucket."""
    urlopen(Request(f"{endpoint}/moto-api/reset", method="POST"), timeout=10).close()
    client = _client(endpoint)
    client.create_bucket(Bucket=BUCKET)
    return S3Server(endpoint, client)


@cache
def _client(endpoint: str) -> Any:
    """One client for all tests: making it takes longer than what most of them do."""
    from botocore.session import Session

    return Session().create_client("s3", endpoint_url=endpoint)


Fault = Callable[[str, str], int]  # (method, path) -> status to answer with; 0: pass on


@dataclass
class Proxy:
    """Stands before a server: notes every request and answers some with a fault.

    `fault` gives a status to answer with, `CUT` to break off after half of the body, `GONE`
    to hang up without asking the server, 0 to pass on.
    """

    CUT = 1
    GONE = -1
    upstream: str
    fault: Fault = lambda method, path: 0
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    url: str = ""

    def counted(self, status: int) -> int:
        """Requests that were answered with a status."""
        return sum(answered == status for *_, answered in self.requests)


def first(times: int, status: int, among: str = "") -> Fault:
    """A fault of the first `times` requests whose `method path` has `among` in it."""
    left = [times]
    lock = threading.Lock()

    def fault(method: str, path: str) -> int:
        with lock:
            if among not in f"{method} {path}" or not left[0]:
                return 0
            left[0] -= 1
            return status

    return fault


@contextmanager
def proxy_before(upstream: str) -> Iterator[Proxy]:
    """Serve a proxy on a free loopback port."""
    proxy = Proxy(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status = proxy.fault(self.command, self.path)
            if status == Proxy.GONE:
                proxy.requests.append((self.command, self.path, status))
                self.close_connection = True
                return
            if status > Proxy.CUT:
                proxy.requests.append((self.command, self.path, status))
                self._send(status, [], b"")
                return
            found, headers, content = self._ask(body)
            proxy.requests.append((self.command, self.path, status or found))
            self._send(found, headers, content, cut=status == Proxy.CUT)

        def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            # the Host header stays as the client signed it
            connection = http.client.HTTPConnection(urlsplit(proxy.upstream).netloc, timeout=30)
            try:
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                return answer.status, answer.getheaders(), answer.read()
            finally:
                connection.close()

        def _send(
            self, status: int, headers: list[tuple[str, str]], content: bytes, cut: bool = False
        ) -> None:
            self.send_response_only(status)
            length = str(len(content))
            for name, value in headers:
                if name.lower() == "content-length":
                    length = value  # of a HEAD: that of the content it stands for
                elif name.lower() not in ("connection", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if cut else content)
            self.close_connection = self.close_connection or cut

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
