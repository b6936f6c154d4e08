"""What steps and sensors print, kept on the disk, or with DUB_STORE=r2 in the private bucket.

    compute_logs:
      module: assets.step.compute_logs
      class: ComputeLogs

A dagster.yaml has no conditions. With this class in it the same file serves both stores, and the
one setting that moves the artifacts moves their logs.
"""

import logging
from collections.abc import Mapping
from typing import Any

from dagster import InitLoggerContext, logger
from dagster._config.config_schema import UserConfigSchema
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._serdes import ConfigurableClassData

from dub_platform.settings import Settings


@logger
def platform_log(_: InitLoggerContext) -> logging.Logger:
    """Return the logger of a run: its lines go where its process's own lines go, in their shape."""
    return logging.getLogger("dub_platform.run")


class ComputeLogs(LocalComputeLogManager):
    """Logs below DUB_HOME/dagster/storage; with DUB_STORE=r2 they end in the private bucket."""

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Return no fields: the settings say it all."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, _config: Mapping[str, Any]
    ) -> Any:
        """Return the log manager that the settings ask for. Raises WrongSettingError."""
        settings = Settings.from_environment()
        folder = settings.home / "dagster" / "storage"
        if settings.store != "r2":
            return LocalComputeLogManager(str(folder), inst_data=inst_data)
        # dagster_aws costs a process more than a second.
        from assets.step.r2_resource import BucketLogManager

        return BucketLogManager(settings, folder, inst_data)
