"""An S3 server: moto's. A mock that keeps objects in memory and asks nobody for credentials.

It serves DVC and LanceDB on one machine; whatever it holds is gone when it stops, and it says
nothing about how real S3 commits. infra/compose.yaml has a server that keeps its objects.
"""

import configparser
import sys
from pathlib import Path
from typing import Any, ClassVar

from flows.services.config import HOST
from flows.services.service import Service
from schemas.errors import WinnowError


class Objects(Service):
    """Keeps DVC's remote and LanceDB's tables."""

    name: ClassVar[str] = "s3"

    @property
    def port(self) -> int:
        """See `Service`."""
        return self.config.s3_port

    @property
    def address(self) -> str:
        """See `Service`."""
        return self.config.s3_url

    def command(self) -> list[str]:
        """See `Service`."""
        return [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(self.port)]

    def settle(self) -> None:
        """Make the bucket if there is none."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            names = {bucket["Name"] for bucket in self._client().list_buckets()["Buckets"]}
            if self.config.s3_bucket not in names:
                self._client().create_bucket(Bucket=self.config.s3_bucket)
        except (BotoCoreError, ClientError) as error:
            raise WinnowError("the S3 server refuses", where=str(error)) from error

    def problem(self) -> str:
        """Ask for the bucket."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client().head_bucket(Bucket=self.config.s3_bucket)
        except (BotoCoreError, ClientError) as error:
            return str(error)
        return ""

    def _client(self) -> Any:
        return s3_client(self.address, self.config.s3_region, self.secret("s3_credentials"))


def s3_client(url: str, region: str, credentials: Path | None = None) -> Any:
    """A client of an S3 server that gives up soon; keys from a file, or where AWS's tools look."""
    import botocore.session
    from botocore.config import Config

    keys = configparser.ConfigParser()
    if credentials:
        keys.read_string(credentials.read_text(encoding="utf-8"))
    config = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2})
    return botocore.session.Session().create_client(
        "s3",
        endpoint_url=url,
        region_name=region,
        config=config,
        **(dict(keys["default"]) if credentials else {}),
    )
