"""The code location as Dagster's processes load it: the definitions, and logs in one shape.

    dagster api grpc -m dub_platform.processes.code_location

The code server loads this, and so does every process that executes a run. What they log, Dagster's
own lines too, looks as the API's does. Nothing else imports it.
"""

from dub_platform.definitions import defs
from dub_platform.observability import configure_logging
from dub_platform.settings import Settings
from dub_platform.storage import read_migrations_once, share_engines

read_migrations_once()
share_engines()
_settings = Settings.from_environment()
configure_logging(_settings.log_format, _settings.log_level)

__all__ = ["defs"]
