"""Logs and error reports of all processes.

configure_logging("json", "INFO")
structlog.get_logger().info("video accepted", video="dQw4w9WgXcQ")
"""

from dub_platform.observability.logs import configure_logging

__all__ = ["configure_logging"]
