"""Programs that are started here.

subprocess.run(helper(Path("probe_process.py"), "clip.mp4"))
"""

from __future__ import annotations

import sys
from pathlib import Path


def helper(program: Path, *arguments: str) -> list[str]:
    """The command of one of our own programs, which knows nothing of this machine's settings.

    It writes no bytecode: on a full disk, Python before 3.13.2 leaves half a module there and
    believes it ever after.
    """
    return [sys.executable, "-I", "-B", str(program), *arguments]
