"""The bucket as Dagster shows and uses it: dagster_aws' resource and log manager, each with the
client that R2 wants. Imported only where DUB_STORE is r2."""

import os
from pathlib import Path
from typing import Any

from dagster import EnvVar
from dagster._serdes import ConfigurableClassData
from dagster_aws.s3 import S3Resource
from dagster_aws.s3.compute_log_manager import S3ComputeLogManager

from dub_platform.settings import Settings
from dub_platform.variables import find_name
from resources import wiring
from resources.calls import CallPolicy
from resources.store.s3 import client

# A long step is followed from another machine; each time all of its log is put again.
_UPLOAD_SECONDS = 30


class R2Resource(S3Resource):
    """S3Resource has no field for checksums, signing or deadlines, which R2 is particular about."""

    def get_client(self) -> Any:
        """A boto3 client with the options of `resources/store/s3.py`."""
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
        self._s3_session = wiring.bucket_client(settings)


def bucket(settings: Settings) -> R2Resource:
    """The resource of these settings. Its secrets are read from the environment when it is used,
    because a value given here would be shown in Dagster's UI."""
    return R2Resource(
        endpoint_url=settings.r2_endpoint,
        region_name="auto",
        max_attempts=CallPolicy().tries,
        aws_access_key_id=EnvVar(find_name(os.environ, "DUB_R2_ACCESS_KEY_ID")),
        aws_secret_access_key=EnvVar(find_name(os.environ, "DUB_R2_SECRET_ACCESS_KEY")),
    )
