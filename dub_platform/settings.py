"""The environment, read once and loudly.

    settings = Settings.from_environment()     # DUB_* variables and, if there is one, .env

Every variable stands in `.env.example` with its meaning. One variable per role names its engine, of
those that are installed; what an engine needs and lacks is said by name when the platform starts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values
from pydantic import (
    Field,
    HttpUrl,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from dub_platform.core.languages import AUTO, code_in
from dub_platform.core.service.addresses import Networks, is_loopback, is_openai
from dub_platform.core.service.webhooks import Receivers
from dub_platform.core.style.casting import IN_TURN, Casting
from dub_platform.entry_points import GROUPS, find, installed
from dub_platform.variables import PREFIX, former_values, remarks

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

# The day of the default prices below, and of those that voices have (`list_price`). They move: an
# operator sets what the provider charges.
PRICES_TAKEN_ON = date(2026, 11, 22)

# What steps use that is scarce; Dagster's own bound on a limit.
POOLS = ("download", "transcribe", "translate", "speech")
_HIGHEST_LIMIT = 1000
# As many as `make up` works on, and a worker of docker-compose.yml.
_RUNS_AT_ONCE = 2

Port = Annotated[int, Field(ge=1, le=65_535)]
# Checked and kept as it was written: pydantic's own spelling adds a slash.
_ADDRESS = TypeAdapter[HttpUrl | None](HttpUrl | None)

# How the variables of other packages' engines end whose values nobody is told.
_SECRET_ENDINGS = ("KEY", "TOKEN", "SECRET", "PASSWORD")

# What a choice needs: role, engine, the settings that must not be empty.
_NEEDS = (
    ("voice", "openai", ("openai_voices",)),
    ("transcriber", "elevenlabs", ("elevenlabs_api_key",)),
    ("voice", "elevenlabs", ("elevenlabs_api_key", "elevenlabs_voices")),
    (
        "store",
        "r2",
        (
            "r2_endpoint",
            "r2_bucket",
            "r2_public_bucket",
            "r2_access_key_id",
            "r2_secret_access_key",
        ),
    ),
)


class WrongSettingError(Exception):
    """A variable of the environment cannot be used; the message names it."""


def with_full_name(url: str) -> str:
    """A database's URL as SQLAlchemy knows it, where it begins as Heroku and others write it."""
    short, full = "postgres://", "postgresql://"
    return full + url.removeprefix(short) if url.startswith(short) else url


@dataclass(frozen=True)
class OpenAIServer:
    """A server that speaks OpenAI's API, and its key; `key_field` is the setting that has it."""

    base_url: str
    key: SecretStr | None
    key_field: str

    @property
    def is_openai(self) -> bool:
        """Whether it is OpenAI's own, which wants a key."""
        return is_openai(self.base_url)

    @property
    def is_free(self) -> bool:
        """Whether nobody is charged there: whoever knows no keys knows no customers."""
        return not self.is_openai and not self.key

    @property
    def key_variable(self) -> str:
        """The variable that an operator sets the key by."""
        return _variable(self.key_field)


class Settings(BaseSettings):
    """What an operator can set. Paths are made absolute; URLs lose their trailing slash."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    home: Path = Field(default=Path(".dub"), description="Where everything made here is kept.")
    host: str = Field(default="127.0.0.1", description="The address the API listens on.")
    port: Port = Field(
        default=5001, validation_alias="PORT", description="The API's and the player's port."
    )
    dagster_port: Port = Field(
        default=3000, validation_alias="DAGSTER_PORT", description="The Dagster UI's port."
    )
    dagster_url: str = Field(
        default="",
        description="Where operators reach Dagster's UI; pages link to it where this is set, and "
        "on a machine of one's own.",
    )
    drain_seconds: NonNegativeFloat = Field(
        default=0.0,
        description="How long the API goes on answering after SIGTERM, its /ready at 503, in "
        "seconds: for a proxy in front of it to notice.",
    )
    public_url: str = Field(
        default="",
        description="The address people reach the API at; http://127.0.0.1:PORT where it is empty.",
    )
    auth: Literal["keys", "off"] | None = Field(
        default=None,
        description="Who may ask: keys (who sends an API key) or off (everybody: for an API "
        "behind something that asks who they are); nobody but this machine where "
        "it is empty.",
    )
    link_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="What signed links are signed with: 32 characters or more, the same in all "
        "processes; as `openssl rand -hex 32` prints it.",
    )
    trusted_proxies: str = Field(
        default="",
        description="Networks whose X-Forwarded-For is believed, with commas.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="What GET /metrics asks for as a Bearer token, 16 characters or more; "
        "where it is empty, nobody is answered there through a proxy.",
    )
    rate_limits: str = Field(
        default="*=120/minute;3000/hour,POST /videos=500/hour;2000/day,/watch=60/minute,"
        "/media=none,/metrics=none,/static=none,/help=none",
        description="How much a key, with those that it made, or an address may ask, as "
        "ROUTE=LIMIT;LIMIT, with commas; none for a route without limit, off for "
        "no limits.",
    )
    cors_origins: str = Field(
        default="",
        description="Other sites whose pages may ask the API in a browser, as https://example.org, "
        "with commas.",
    )
    redis_url: str | None = Field(
        default=None,
        repr=False,
        description="The Redis that all processes share, as redis://:PASSWORD@HOST:6379/0: "
        "limits are counted there, else by each process of the API by itself; GET "
        "/ready asks it.",
    )
    broker_url: str | None = Field(
        default=None,
        repr=False,
        description="The queue of the workers, where it is not DUB_REDIS_URL.",
    )
    result_backend_url: str | None = Field(
        default=None,
        repr=False,
        description="Where workers say how their tasks ended, where it is not DUB_BROKER_URL.",
    )
    database_url: str = Field(
        default="",
        repr=False,
        description="The registry's database, as "
        "postgresql+psycopg2://USER:PASSWORD@HOST/NAME; SQLite below DUB_HOME "
        "where it is empty.",
    )

    downloader: Literal["youtube", "upload"] = Field(
        default="youtube",
        description="Which sources are taken: youtube (YouTube videos and uploads) or upload "
        "(uploads only).",
    )
    transcriber: str = Field(
        default="pocketsphinx", description="Who listens where no captions were handed in."
    )
    translator: str = Field(
        default="apertium",
        description="Who translates. What bergamot has no models for is translated by apertium, "
        "where that is installed.",
    )
    voice: str = Field(
        default="espeak",
        description="Who speaks. What kokoro does not know is spoken by piper's voices, if there "
        "are any, and what these do not by espeak.",
    )
    original: Literal["duck", "remove", "voice"] = Field(
        default="duck",
        description="What is heard beside the dub: duck keeps the original's music and lowers its "
        "voice; remove takes the voice out; voice keeps nothing of it.",
    )
    separator: str = Field(
        default="demucs", description="Who takes the voice out for DUB_ORIGINAL=remove."
    )
    demucs_model: str = Field(
        default="htdemucs",
        description="The model of DUB_SEPARATOR=demucs: htdemucs or htdemucs_6s, which dub-admin "
        "models get brings; or a file of one.",
    )
    duck_depth_db: float = Field(
        default=26.0,
        ge=0,
        le=60,
        description="How far the original voice is lowered while anybody speaks, in dB.",
    )
    duck_attack_seconds: float = Field(
        default=0.08, ge=0.01, le=2, description="How long it takes to fall before a line."
    )
    duck_release_seconds: float = Field(
        default=0.25, ge=0.01, le=5, description="How long it takes to rise after a line."
    )
    store: str = Field(default="local", description="Where artifacts and releases are kept.")

    ffmpeg: Path | None = Field(
        default=None,
        description="The ffmpeg that works on media, 4.2 or newer, such as /usr/bin/ffmpeg; "
        "the one installed with the platform where it is empty.",
    )
    openai_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="OPENAI_API_KEY",
        description="For DUB_TRANSCRIBER, DUB_TRANSLATOR or DUB_VOICE=openai.",
    )
    openai_base_url: str = Field(
        default="https://api.openai.com/v1",
        validation_alias="OPENAI_BASE_URL",
        description="Any server that speaks OpenAI's API.",
    )
    openai_transcription_base_url: str = Field(
        default="",
        description="A server for DUB_TRANSCRIBER=openai alone, such as your own with a GPU; "
        "OPENAI_BASE_URL where it is empty.",
    )
    openai_transcription_api_key: SecretStr | None = Field(
        default=None,
        description="Its key, where it wants one: OPENAI_API_KEY is never sent there.",
    )
    openai_transcription_model: str = Field(
        default="whisper-1",
        description="The model of DUB_TRANSCRIBER=openai; OpenAI serves this one until "
        "2027-02-26, then gpt-transcribe, without times of words.",
    )
    openai_translation_model: str = Field(
        default="gpt-5.4-mini", description="The model of DUB_TRANSLATOR=openai."
    )
    openai_translation_base_url: str = Field(
        default="",
        description="A server for DUB_TRANSLATOR=openai alone, such as Ollama's "
        "http://127.0.0.1:11434/v1; OPENAI_BASE_URL where it is empty.",
    )
    openai_translation_api_key: SecretStr | None = Field(
        default=None,
        description="Its key, where it wants one: OPENAI_API_KEY is never sent there.",
    )
    openai_rewriting_model: str = Field(
        default="",
        description="A language model that says lines shorter that do not fit once they are "
        "spoken, whoever translates; where it is empty, the translator does.",
    )
    openai_rewriting_base_url: str = Field(
        default="", description="A server for it alone; OPENAI_BASE_URL where it is empty."
    )
    openai_rewriting_api_key: SecretStr | None = Field(
        default=None,
        description="Its key, where it wants one: OPENAI_API_KEY is never sent there.",
    )
    openai_speech_base_url: str = Field(
        default="",
        description="A server for DUB_VOICE=openai alone, any that speaks /v1/audio/speech; "
        "OPENAI_BASE_URL where it is empty.",
    )
    openai_speech_api_key: SecretStr | None = Field(
        default=None,
        description="Its key, where it wants one: OPENAI_API_KEY is never sent there.",
    )
    openai_speech_languages: str = Field(
        default="",
        description="The languages that its model speaks, as codes with commas; those of OpenAI's "
        "models where it is empty.",
    )
    openai_speech_model: str = Field(
        default="gpt-4o-mini-tts",
        description="The model of DUB_VOICE=openai; OpenAI serves this one until 2027-01-06, "
        "and names no other for this API.",
    )
    openai_voices: str = Field(
        default="default=alloy",
        description="Who speaks with DUB_VOICE=openai, as LANGUAGE:SPEAKER=VOICE, with commas.",
    )
    whisper_model: str = Field(
        default="base",
        description="The model of DUB_TRANSCRIBER=faster-whisper, by its name in dub-admin models "
        "list, or a folder of one; of DUB_TRANSCRIBER=whisper its size, such as base for "
        "whisper-torch/base.pt, or a file of one.",
    )
    whisper_device: str = Field(
        default="",
        description="Where Whisper runs: cpu or cuda; on what there is where it is empty.",
    )
    hear_takes: Literal["off", "tell", "refuse"] = Field(
        default="off",
        description="Whether faster-whisper hears again what was spoken, with DUB_WHISPER_MODEL "
        "and in its languages: tell (Dagster shows which lines say something else) or refuse (a "
        "dub with such a line is not released).",
    )
    models_dir: Path | None = Field(
        default=None,
        description="Where the weights of engines on this machine are, for all processes; "
        "dub/models below XDG_DATA_HOME where it is empty.",
    )
    models_url: str = Field(
        default="",
        description="A mirror that dub-admin models get asks: a web server that shows such a "
        "folder; where each model lives where it is empty.",
    )
    kokoro_voices: str = Field(
        default="",
        description="Who speaks with DUB_VOICE=kokoro, as LANGUAGE:SPEAKER=VOICE, with commas; "
        "whoever is not named takes turns.",
    )
    piper_voices: str = Field(
        default="", description="The same for Piper's voices, VOICE.NAME where a voice is several."
    )
    threads: PositiveInt | None = Field(
        default=None,
        description="How many threads a model on this machine's processor works with; where it is "
        "empty, half of the cores that this process may use, as two runs work at once.",
    )
    model_idle_minutes: PositiveFloat = Field(
        default=10.0,
        description="How long a model stays in memory that nobody asks anything, in minutes.",
    )
    elevenlabs_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="ELEVENLABS_API_KEY",
        description="For DUB_TRANSCRIBER or DUB_VOICE=elevenlabs.",
    )
    elevenlabs_base_url: str = Field(
        default="https://api.elevenlabs.io",
        validation_alias="ELEVENLABS_BASE_URL",
        description="Where ElevenLabs' API is reached.",
    )
    elevenlabs_transcription_model: str = Field(
        default="scribe_v2", description="The model of DUB_TRANSCRIBER=elevenlabs."
    )
    elevenlabs_model: str = Field(
        default="eleven_multilingual_v2", description="The model of DUB_VOICE=elevenlabs."
    )
    elevenlabs_voices: str = Field(
        default="",
        description="Who speaks with DUB_VOICE=elevenlabs: LANGUAGE:SPEAKER=VOICE_ID, with commas.",
    )
    elevenlabs_output_format: Literal["pcm_24000", "mp3_44100_128"] = Field(
        default="pcm_24000", description="What ElevenLabs answers with: samples, or MP3."
    )
    elevenlabs_stability: float = Field(
        default=0.5, ge=0, le=1, description="From lively (0) to steady (1)."
    )
    elevenlabs_similarity: float = Field(
        default=0.75, ge=0, le=1, description="How closely the voice is kept to."
    )
    elevenlabs_style: float = Field(
        default=0.0, ge=0, le=1, description="How much the voice's style is exaggerated."
    )
    elevenlabs_speed: float = Field(
        default=1.0, ge=0.7, le=1.2, description="How fast ElevenLabs speaks."
    )
    provider_try_seconds: PositiveFloat | None = Field(
        default=None,
        description="How long one try of a provider call may take, in seconds; where it is empty "
        "60, 120 for a language model, and 600 for a server that needs no key.",
    )
    provider_deadline_seconds: PositiveFloat | None = Field(
        default=None,
        description="How long all tries of a provider call may take together; where it is empty "
        "150, 300 and 1800.",
    )
    speech_at_once: PositiveInt = Field(
        default=2,
        description="Lines that one run has spoken at once by a paid voice; the plan's limit is "
        "this times the pool `speech`.",
    )
    pools: str = Field(
        default="",
        description="How many steps may use what is scarce at once, over all machines, as "
        "POOL=LIMIT, with commas: download, transcribe, translate, speech; 10 each "
        "with workers, and 2 on one machine, where it names none.",
    )
    rewrite_share: float = Field(
        default=0.1,
        ge=0.0,
        le=1.0,
        description="The most lines of a video, as a share, that are rewritten and spoken again "
        "where their takes do not fit; 0 is none.",
    )

    r2_endpoint: str = Field(
        default="", description="The S3 API of DUB_STORE=r2: R2's, or any other."
    )
    r2_bucket: str = Field(
        default="", description="The private bucket: sources, artifacts, Dagster's logs."
    )
    r2_public_bucket: str = Field(
        default="", description="The bucket that viewers are given: releases and nothing else."
    )
    r2_public_url: str = Field(
        default="",
        description="Where viewers reach the public bucket; empty for one that nobody can read, "
        "whose films the API lends to viewers by links that it signs for an hour.",
    )
    r2_access_key_id: SecretStr | None = Field(default=None, description="The buckets' key id.")
    r2_secret_access_key: SecretStr | None = Field(default=None, description="Its secret.")

    youtube_cookies: Path | None = Field(
        default=None, description="A cookies.txt of a signed-in browser, for YouTube's bot check."
    )
    youtube_po_token_url: str = Field(
        default="",
        description="A PO token server that speaks bgutil's protocol, for the bot check.",
    )
    host_video: bool = Field(
        default=True,
        description="Whether YouTube videos are shown again here with their pictures; off fetches "
        "their sound only.",
    )
    youtube_proxy: SecretStr | None = Field(
        default=None, description="A proxy for YouTube; its address may hold a password."
    )

    price_transcription_per_minute_usd: NonNegativeFloat | None = Field(
        default=None,
        description="Of a paid DUB_TRANSCRIBER; where it is empty 0.006 for openai and 0.0067 for "
        "elevenlabs: figures to start from, check the provider's page.",
    )
    price_translation_per_million_input_tokens_usd: NonNegativeFloat = Field(
        default=0.75,
        description="Of DUB_TRANSLATOR=openai; a figure to start from, check the provider's page.",
    )
    price_translation_per_million_output_tokens_usd: NonNegativeFloat = Field(
        default=4.50,
        description="Of DUB_TRANSLATOR=openai; a figure to start from, check the provider's page.",
    )
    price_speech_per_thousand_characters_usd: NonNegativeFloat | None = Field(
        default=None,
        description="Of a paid DUB_VOICE; where it is empty 0.10 for elevenlabs and 0.02 for "
        "openai: figures to start from, check the provider's page.",
    )
    cost_cap_per_video_usd: NonNegativeFloat | None = Field(
        default=None, description="The most that one video may cost, in all its languages."
    )
    cost_cap_per_day_usd: NonNegativeFloat | None = Field(
        default=None, description="The most that may be spent in one day (UTC)."
    )

    source_language: str = Field(
        default="en",
        description="The language spoken in a video when its request names none; auto where "
        "DUB_TRANSCRIBER can tell.",
    )
    max_video_length: PositiveInt = Field(
        default=10_800,
        validation_alias="MAX_VIDEO_LENGTH",
        description="The longest video taken, in seconds.",
    )
    max_upload_mb: PositiveInt = Field(
        default=2048, description="The largest upload taken, in megabytes (10^6 bytes)."
    )
    retention_days: PositiveInt = Field(
        default=30,
        description="How long replaced releases, unused takes and finished runs stay, in days.",
    )
    webhook_receivers: str = Field(
        default="",
        description="Receivers of webhooks that are not public, or not under https, as HOST:PORT, "
        "with commas.",
    )
    log_format: Literal["console", "json"] = Field(
        default="console",
        description="How a log line looks: console (for people) or json (one object a line).",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="The least a log line must matter to be written."
    )

    git_commit: str = Field(
        default="",
        validation_alias="GIT_COMMIT",
        description="The commit this was built from, for GET /version.",
    )
    build_time: str = Field(
        default="",
        validation_alias="BUILD_TIME",
        description="When this was built, for GET /version.",
    )
    app_version: str = Field(
        default="",
        validation_alias="APP_VERSION",
        description="What this release is called, for GET /version and reports; the package's "
        "version where it is empty.",
    )
    environment: str = Field(
        default="production",
        description="What this deployment is called, for GET /version and reports.",
    )
    sentry_dsn: SecretStr | None = Field(
        default=None,
        validation_alias="SENTRY_DSN",
        description="Where failures are reported to; nowhere where it is empty.",
    )
    sentry_traces_sample_rate: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="The share of requests whose times are reported there; 0.1 in production and "
        "none elsewhere where it is empty.",
    )

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @field_validator("ffmpeg")
    @classmethod
    def _is_found_from_everywhere(cls, ffmpeg: Path | None) -> Path | None:
        # What a link leads to may be a program that goes by the link's name.
        return ffmpeg and ffmpeg.expanduser().absolute()

    @field_validator(*GROUPS)
    @classmethod
    def _is_installed(cls, name: str, info: ValidationInfo) -> str:
        find(str(info.field_name), name)
        return name

    @field_validator("source_language")
    @classmethod
    def _names_a_language(cls, given: str) -> str:
        code = given if given == AUTO else code_in(given)
        if code is None:
            raise ValueError("it is neither the tag of a language such as en nor auto")
        return code

    @field_validator(
        "public_url",
        "dagster_url",
        "openai_base_url",
        "openai_transcription_base_url",
        "openai_translation_base_url",
        "openai_rewriting_base_url",
        "openai_speech_base_url",
        "elevenlabs_base_url",
        "models_url",
        "r2_endpoint",
        "r2_public_url",
        "youtube_po_token_url",
    )
    @classmethod
    def _leads_to_a_server(cls, url: str) -> str:
        try:
            _ADDRESS.validate_python(url or None)
        except ValidationError as error:
            raise ValueError("it is no address such as https://example.org") from error
        return url

    @field_validator("database_url")
    @classmethod
    def _has_its_full_name(cls, url: str) -> str:
        return with_full_name(url)

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: str) -> str:
        for origin in filter(None, origins.split(",")):
            parts = urlsplit(origin.strip())
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path:
                raise ValueError("it has something that is no origin such as https://example.org")
        return origins

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        try:
            Networks.parse(text)
        except ValueError as error:
            raise ValueError("it has something that is neither a network nor an address") from error
        return text

    @field_validator("pools")
    @classmethod
    def _limit_pools(cls, given: str) -> str:
        _read_limits(given)
        return given

    @field_validator("elevenlabs_voices", "openai_voices")
    @classmethod
    def _can_be_cast(cls, voices: str) -> str:
        if voices:
            Casting.parse(voices)
        return voices

    @field_validator("kokoro_voices", "piper_voices")
    @classmethod
    def _can_be_cast_in_part(cls, voices: str) -> str:
        Casting.parse(voices, default=IN_TURN)
        return voices

    @field_validator("webhook_receivers")
    @classmethod
    def _name_receivers(cls, given: str) -> str:
        Receivers.parse(given)
        return given

    @model_validator(mode="after")
    def _have_what_the_engines_need(self) -> Settings:
        for chosen, needed in self._needs():
            missing = [name for name in needed if not getattr(self, name)]
            if missing:
                raise ValueError(f"{chosen} needs {' and '.join(map(_variable, missing))}")
        return self

    def _needs(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """What is chosen, in words, with the settings that it cannot do without."""
        for role, engine, needed in _NEEDS:
            if getattr(self, role) == engine:
                yield f"{_variable(role)}={engine}", needed
        for work, chosen, is_chosen in (
            ("transcription", "DUB_TRANSCRIBER=openai", self.transcriber == "openai"),
            ("translation", "DUB_TRANSLATOR=openai", self.translator == "openai"),
            ("rewriting", "DUB_OPENAI_REWRITING_MODEL", bool(self.openai_rewriting_model)),
            ("speech", "DUB_VOICE=openai", self.voice == "openai"),
        ):
            server = self.openai_server(work)
            own_key = f"openai_{work}_api_key"
            if getattr(self, own_key):
                yield _variable(own_key), (f"openai_{work}_base_url",)
            if is_chosen and server.is_openai:
                yield chosen, (server.key_field,)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - asked with this name
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Former names come last: ours win over them, wherever they are set."""
        return init_settings, env_settings, dotenv_settings, _FormerNames(settings_cls)

    @classmethod
    def from_environment(cls) -> Settings:
        """The settings of this process. Raises WrongSettingError, with the variables' names."""
        try:
            return cls()
        except ValidationError as error:
            # Values are left out: one of them may be a secret in the wrong place.
            wrong = map(_in_words, error.errors())
            raise WrongSettingError(
                f"The environment (or .env) has settings that cannot be used. {'; '.join(wrong)}. "
                "See .env.example for what each can be."
            ) from None

    @classmethod
    def remarks(cls) -> list[str]:
        """What is set in the environment or .env and does nothing, as sentences."""
        known = [_variable(name) for name in cls.model_fields]
        of_engines = [each.prefix for each in installed() if not each.is_ours]
        return list(remarks(_environment(cls), known, of_engines))

    def as_environment(self) -> dict[str, str]:
        """The variables that make these settings again in another process."""
        ours = {_variable(name): _text(getattr(self, name)) for name in type(self).model_fields}
        return {**self._engines_variables(), **ours}

    def variables_below(self, prefix: str) -> dict[str, str]:
        """What is set of an engine's own variables, by the rest of their names; no setting."""
        known = {_variable(name) for name in type(self).model_fields}
        return {
            name.removeprefix(prefix): text
            for name, text in _environment(type(self)).items()
            if name.startswith(prefix) and name not in known
        }

    def _engines_variables(self) -> dict[str, str]:
        """The own variables of the chosen engines that other packages have."""
        chosen = [find(role, getattr(self, role)) for role in GROUPS]
        return {
            each.prefix + name: text
            for each in chosen
            if not each.is_ours
            for name, text in self.variables_below(each.prefix).items()
        }

    @property
    def languages_of_speech_server(self) -> tuple[str, ...]:
        """What the operator says that the model of DUB_VOICE=openai speaks, if anything."""
        return tuple(filter(None, map(str.strip, self.openai_speech_languages.split(","))))

    def openai_server(self, work: str) -> OpenAIServer:
        """Who does this work: transcription, translation, rewriting or speech.

        Another server has a key of its own, or none: OpenAI's is not for others to see.
        """
        own_url = getattr(self, f"openai_{work}_base_url")
        field = f"openai_{work}_api_key" if own_url else "openai_api_key"
        return OpenAIServer(own_url or self.openai_base_url, getattr(self, field), field)

    @property
    def local_dagster_url(self) -> str:
        """Where Dagster's UI and its GraphQL are on this machine."""
        return f"http://127.0.0.1:{self.dagster_port}"

    @property
    def dagster_link(self) -> str | None:
        """Where pages lead to Dagster's UI, without a trailing slash; None where they do not."""
        url = self.dagster_url or (self.local_dagster_url if self.is_local else "")
        return url.rstrip("/") or None

    @property
    def base_url(self) -> str:
        """Where people reach the API, without a trailing slash."""
        return (self.public_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    @property
    def is_local(self) -> bool:
        """Whether the API is meant for this machine alone."""
        return is_loopback(self.host) and is_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def version(self) -> str:
        """What this release is called."""
        return self.app_version or version("dub-platform")

    @property
    def release(self) -> str:
        """What runs: its version, with the commit where it is known."""
        return "+".join(filter(None, (self.version, self.git_commit)))

    @property
    def pool_limits(self) -> dict[str, int]:
        """How many steps the pools that are named let work at once."""
        return _read_limits(self.pools)

    @property
    def traces_sample_rate(self) -> float:
        """The share of requests whose times are reported."""
        if self.sentry_traces_sample_rate is not None:
            return self.sentry_traces_sample_rate
        return 0.1 if self.environment == "production" else 0.0

    @property
    def secrets(self) -> list[str]:
        """The texts in these settings that must not be told to anybody."""
        hidden = [_text(value) for _, value in self if isinstance(value, SecretStr)]
        urls = (self.database_url, self.redis_url, self.broker_url, self.result_backend_url)
        own = self._engines_variables().items()
        of_engines = [text for name, text in own if name.endswith(_SECRET_ENDINGS)]
        return [text for text in (*hidden, *of_engines, *map(_password, urls)) if text]

    @property
    def registry_url(self) -> str:
        """The SQLAlchemy URL of the registry's database."""
        return self.database_url or f"sqlite:///{self.home / 'registry.sqlite'}"

    @property
    def models_folder(self) -> Path:
        """Where the weights of engines on this machine are."""
        if self.models_dir:
            return self.models_dir.expanduser().absolute()
        data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
        return Path(data).expanduser() / "dub" / "models"

    @property
    def most_threads(self) -> int:
        """How many threads an engine computes with.

        Runs whose engines take all cores each wait for one another's threads: two are then twice
        as slow as two that take half of the cores.
        """
        return self.threads or max(1, len(os.sched_getaffinity(0)) // _RUNS_AT_ONCE)

    @property
    def model_idle_seconds(self) -> float:
        """How long a model stays in memory that nobody asks anything."""
        return 60.0 * self.model_idle_minutes

    @property
    def store_dir(self) -> Path:
        """Where the local store keeps its files."""
        return self.home / "store"

    @property
    def spool_dir(self) -> Path:
        """Where work in progress is written; nothing in it outlives its process for long."""
        return self.home / "spool"


class _FormerNames(PydanticBaseSettingsSource):
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Required of a source; it is asked for all fields at once."""
        raise NotImplementedError

    def __call__(self) -> dict[str, Any]:
        said = former_values(_environment(self.settings_cls))
        return {ours.removeprefix(PREFIX).lower(): text for ours, text in said.items()}


def _read_limits(given: str) -> dict[str, int]:
    """The limits of `speech=5,transcribe=1`. Raises ValueError."""
    limits: dict[str, int] = {}
    for each in filter(None, map(str.strip, given.split(","))):
        pool, _, limit = each.partition("=")
        is_number = limit.isascii() and limit.isdigit()
        if pool not in POOLS or pool in limits or not is_number:
            raise ValueError(f"it is not POOL=LIMIT, each pool once, of {', '.join(POOLS)}")
        limits[pool] = int(limit)
        if not 1 <= limits[pool] <= _HIGHEST_LIMIT:
            raise ValueError(f"a limit is from 1 to {_HIGHEST_LIMIT}")
    return limits


def _environment(settings: type[BaseSettings]) -> dict[str, str]:
    """The environment and, below it, .env."""
    file = settings.model_config.get("env_file")
    written = dotenv_values(str(file)) if file else {}
    return {**{name: text or "" for name, text in written.items()}, **os.environ}


def _password(url: str | None) -> str:
    return unquote(urlsplit(url or "").password or "")


def _in_words(wrong: ErrorDetails) -> str:
    """The variable and what is wrong with it, without pydantic's name for that kind of error."""
    words = wrong["msg"].removeprefix("Value error, ")
    return ": ".join((*map(_variable, wrong["loc"][:1]), words))


def _text(value: object) -> str:
    """A value as its variable has it; only what goes to our own servers holds secrets."""
    if value is None:
        return ""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _variable(name: object) -> str:
    """The variable that sets a field; an alias is one already."""
    field = Settings.model_fields.get(str(name))
    if field is None:
        return str(name)
    return str(field.validation_alias or f"DUB_{str(name).upper()}")
