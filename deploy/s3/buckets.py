"""Make the two buckets of the settings, if they are not there yet: for an S3 to develop against."""

from botocore.exceptions import ClientError

from dub_platform.engines.provisions import secret
from dub_platform.settings import Settings
from resources.store.s3 import client

THERE = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def main() -> None:
    """Make them. Raises ClientError for any other reason than that they exist."""
    settings = Settings.from_environment()
    keys = map(secret, (settings.r2_access_key_id, settings.r2_secret_access_key))
    s3 = client(settings.r2_endpoint, *keys)
    for name in (settings.r2_bucket, settings.r2_public_bucket):
        try:
            s3.create_bucket(Bucket=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in THERE:
                raise


if __name__ == "__main__":
    main()
