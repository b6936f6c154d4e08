"""The bucket as Dagster shows and uses it: dagster_aws' resource and log manager, each with the
client that R2 wants. Imported only where DUB_STORE is r2."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError
from dagster import EnvVar
from dagster._core.storage.compute_log_manager import ComputeIOType
from dagster._serdes import ConfigurableClassData
from dagster_aws.s3 import S3Resource
from dagster_aws.s3.compute_log_manager import S3ComputeLogManager

from dub_platform.engines.stores import bucket_client
from dub_platform.settings import Settings
from dub_platform.variables import find_name
from resources.store.s3 import client
from resources.system.calls import CallPolicy

# A long step is followed from another machine; each time all of its log is put again.
_UPLOAD_SECONDS = 30
_OUT_OF_REACH = (
    "The bucket {bucket!r}, which has what this step printed, cannot be reached from Dagster's "
    "webserver, so it is not shown. Check DUB_R2_ENDPOINT and the webserver's network, then load "
    "this page again. ({error})\n"
)


class R2Resource(S3Resource):
    """S3Resource has no field for checksums, signing or deadlines, which R2 is particular about."""

    def get_client(self) -> Any:
        """Return a boto3 client with the options of `resources/store/s3.py`."""
        keys = str(self.aws_access_key_id), str(self.aws_secret_access_key)
        return client(str(self.endpoint_url), *keys)


class BucketLogManager(S3ComputeLogManager):
    """Logs under `dagster/` in the private bucket; `folder` has them while a step runs.

    S3ComputeLogManager's own client has boto3's defaults: it would sign with whatever AWS_*
    variables a machine has, and send checksums that R2 has refused.
    """

    def __init__(
        self, settings: Settings, folder: Path, inst_data: ConfigurableClassData | None = None
    ) -> None:
        super().__init__(
            bucket=settings.r2_bucket,
            local_dir=str(folder),
            inst_data=inst_data,
            prefix="dagster",
            endpoint_url=settings.r2_endpoint,
            region="auto",
            # A sensor that has nothing to say would otherwise put an object every few seconds.
            skip_empty_files=True,
            upload_interval=_UPLOAD_SECONDS,
        )
        self._s3_session = bucket_client(settings)

    def is_capture_complete(self, log_key: Sequence[str]) -> bool:
        """Tell whether no more will come; none will from a bucket that is out of reach."""
        try:
            return bool(super().is_capture_complete(log_key))
        except BotoCoreError:
            return True

    def get_log_data_for_type(
        self, log_key: Sequence[str], io_type: ComputeIOType, offset: int, max_bytes: int | None
    ) -> tuple[bytes | None, int]:
        """Return what was printed from `offset` on; a sentence where the bucket is out of reach."""
        try:
            data: tuple[bytes | None, int] = super().get_log_data_for_type(
                log_key, io_type, offset, max_bytes
            )
        except BotoCoreError as error:
            if offset > 0 or io_type is not ComputeIOType.STDERR:
                return None, offset
            said = _OUT_OF_REACH.format(bucket=self._s3_bucket, error=error).encode()
            return said, len(said)
        return data


def bucket(settings: Settings) -> R2Resource:
    """Return the resource of these settings. Its secrets are read from the environment when it is
    used, because a value given here would be shown in Dagster's UI."""
    return R2Resource(
        endpoint_url=settings.r2_endpoint,
        region_name="auto",
        max_attempts=CallPolicy().tries,
        aws_access_key_id=EnvVar(find_name(os.environ, "DUB_R2_ACCESS_KEY_ID")),
        aws_secret_access_key=EnvVar(find_name(os.environ, "DUB_R2_SECRET_ACCESS_KEY")),
    )
