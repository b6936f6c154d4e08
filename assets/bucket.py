"""The bucket as Dagster shows it: dagster_aws' S3 resource, with the client that R2 wants."""

from typing import Any

from dagster import EnvVar
from dagster_aws.s3 import S3Resource

from dub_platform.settings import Settings
from resources.calls import CallPolicy
from resources.store.s3 import client


class R2Resource(S3Resource):
    """S3Resource has no field for checksums, signing or deadlines, which R2 is particular about."""

    def get_client(self) -> Any:
        """A boto3 client with the options of `resources/store/s3.py`."""
        keys = str(self.aws_access_key_id), str(self.aws_secret_access_key)
        return client(str(self.endpoint_url), *keys)


def bucket(settings: Settings) -> R2Resource:
    """The resource of these settings. Its secrets are read from the environment when it is used,
    because a value given here would be shown in Dagster's UI."""
    return R2Resource(
        endpoint_url=settings.r2_endpoint,
        region_name="auto",
        max_attempts=CallPolicy().tries,
        aws_access_key_id=EnvVar("DUB_R2_ACCESS_KEY_ID"),
        aws_secret_access_key=EnvVar("DUB_R2_SECRET_ACCESS_KEY"),
    )
