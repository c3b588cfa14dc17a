"""What the services are called, where they listen and where they keep things."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import SettingsError

CHECKOUT: Final = Path(__file__).resolve().parents[2]
SETTINGS: Final = CHECKOUT / "infra" / "services.env"
STATE: Final = CHECKOUT / ".services"
HOST: Final = "127.0.0.1"  # the S3 server asks nobody for a password, so nothing listens elsewhere
Port = Field(ge=1024, le=65535)


class Config(BaseModel):
    """The settings of infra/services.env, named in capitals there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    postgres_port: int = Port
    s3_port: int = Port
    prefect_port: int = Port
    postgres_version: str = Field(pattern=r"^\d+\.\d+$")
    postgres_user: str = Field(pattern=r"^[a-z_][a-z0-9_]*$")
    postgres_db: str = Field(pattern=r"^[a-z_][a-z0-9_]*$")
    s3_bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    s3_region: str = Field(min_length=1)
    prefect_work_pool: str = Field(pattern=r"^[a-z0-9-]+$")

    @property
    def prefect_url(self) -> str:
        """Address of Prefect's API."""
        return f"http://{HOST}:{self.prefect_port}/api"

    @property
    def s3_url(self) -> str:
        """Address of the S3 server."""
        return f"http://{HOST}:{self.s3_port}"

    @property
    def database_url(self) -> str:
        """SQLAlchemy address of Prefect's database, without its password (a pgpass file has it)."""
        where = f"{HOST}:{self.postgres_port}/{self.postgres_db}"
        return f"postgresql+asyncpg://{self.postgres_user}@{where}"


def load_config(path: Path = SETTINGS, environment: Mapping[str, str] = os.environ) -> Config:
    """Read the settings, a variable of the environment before the file's line.

    Raises `SettingsError` naming each setting that is missing, unknown or out of bounds.
    """
    names = {name.upper() for name in Config.model_fields}
    values = {**read_env(path), **{k: v for k, v in environment.items() if k in names}}
    try:
        return Config.model_validate({name.lower(): value for name, value in values.items()})
    except ValidationError as error:
        wrong = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"the services' settings are wrong: {wrong}", where=str(path)) from None


def read_env(path: Path) -> dict[str, str]:
    """Read lines `NAME=value`; blank lines and comments do not count."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise SettingsError(
            "the services' settings are missing", where=str(path), remedy="git checkout infra"
        ) from None
    pairs = [line.partition("=") for line in lines if line.strip() and line[0] != "#"]
    return {name.strip(): value.strip() for name, _, value in pairs}
