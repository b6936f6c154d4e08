"""The code location that Dagster's processes load: the definitions, with our logging.

    dagster api grpc -m dub_platform.processes.code_location

The code server loads it, and every process that executes a run. All their log lines, also Dagster's
own, have the same form as the API's. Nothing else may import it.
"""

from dub_platform.definitions import defs
from dub_platform.observability import configure_logging
from dub_platform.settings import Settings
from dub_platform.storage import read_migrations_once, share_engines
from resources.system.memory import give_back_regularly

read_migrations_once()
share_engines()
give_back_regularly()
_settings = Settings.from_environment()
configure_logging(_settings.log_format, _settings.log_level)

__all__ = ["defs"]
