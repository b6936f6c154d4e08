"""The store of artifacts and releases.

port.py    what a store promises; local.py: a folder; s3.py: Cloudflare R2, or any S3
values.py  the assets' values, read outside of Dagster
copies.py  local copies of a run
"""
