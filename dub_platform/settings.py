"""The environment, read once and loudly.

    settings = Settings.from_environment()     # DUB_* variables and, if there is one, .env

Every variable stands in `.env.example` with its meaning. One variable per role chooses its
engine; what an engine needs and lacks is said by name when the platform starts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveInt, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class WrongSettingError(Exception):
    """A variable of the environment cannot be used; the message names it."""


class Settings(BaseSettings):
    """What an operator can set. Paths are made absolute; URLs lose their trailing slash."""

    model_config = SettingsConfigDict(
        env_prefix="DUB_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Field(default=Path(".dub"), description="Where everything made here is kept.")
    host: str = Field(default="127.0.0.1", description="The address the API listens on.")
    port: PositiveInt = Field(
        default=5001, validation_alias="PORT", description="The API's and the player's port."
    )
    dagster_port: PositiveInt = Field(
        default=3000, validation_alias="DAGSTER_PORT", description="The Dagster UI's port."
    )
    public_url: str = Field(
        default="",
        description="The address people reach the API at; http://127.0.0.1:PORT by default.",
    )
    database_url: str = Field(
        default="",
        repr=False,
        description="The registry's database; SQLite below DUB_HOME by default.",
    )

    downloader: Literal["youtube", "upload"] = Field(
        default="youtube",
        description="youtube takes YouTube videos and uploads; upload takes uploads only.",
    )
    transcriber: Literal["pocketsphinx"] = Field(
        default="pocketsphinx", description="Who listens where no captions were handed in."
    )
    translator: Literal["apertium"] = Field(default="apertium", description="Who translates.")
    voice: Literal["espeak"] = Field(default="espeak", description="Who speaks.")
    store: Literal["local"] = Field(
        default="local", description="Where artifacts and releases are kept."
    )

    source_language: str = Field(
        default="en", description="The language spoken in a video when its request names none."
    )
    max_video_length: PositiveInt = Field(
        default=10_800,
        validation_alias="MAX_VIDEO_LENGTH",
        description="The longest video taken, in seconds.",
    )
    max_upload_mb: PositiveInt = Field(
        default=2048, description="The largest upload taken, in megabytes (10^6 bytes)."
    )
    log_format: Literal["console", "json"] = Field(
        default="console", description="json for machines: one object a line."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="The least a log line must matter to be written."
    )

    git_commit: str = Field(
        default="",
        validation_alias="GIT_COMMIT",
        description="The commit this was built from, for GET /version.",
    )

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @classmethod
    def from_environment(cls) -> Settings:
        """The settings of this process. Raises WrongSettingError, with the variables' names."""
        try:
            return cls()
        except ValidationError as error:
            # Values are left out: one of them may be a secret in the wrong place.
            wrong = [f"{_variable(str(each['loc'][0]))}: {each['msg']}" for each in error.errors()]
            raise WrongSettingError(
                f"The environment (or .env) has settings that cannot be used. {'; '.join(wrong)}. "
                "See .env.example for what each can be."
            ) from None

    def as_environment(self) -> dict[str, str]:
        """The variables that make these settings again in another process."""
        return {_variable(name): str(getattr(self, name)) for name in type(self).model_fields}

    @property
    def base_url(self) -> str:
        """Where people reach the API, without a trailing slash."""
        return (self.public_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    @property
    def registry_url(self) -> str:
        """The SQLAlchemy URL of the registry's database."""
        return self.database_url or f"sqlite:///{self.home / 'registry.sqlite'}"

    @property
    def store_dir(self) -> Path:
        """Where the local store keeps its files."""
        return self.home / "store"

    @property
    def spool_dir(self) -> Path:
        """Where work in progress is written; nothing in it outlives its process for long."""
        return self.home / "spool"


def _variable(name: str) -> str:
    """The variable that sets a field; an alias is one already."""
    field = Settings.model_fields.get(name)
    if field is None:
        return name
    return str(field.validation_alias or f"DUB_{name.upper()}")
