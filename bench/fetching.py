"""Programs of other people to measure and test against, fetched from their registries once a
machine and kept outside of our virtual environment, whose versions they do not share."""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

_PATIENCE = 300  # seconds, for what has to be compiled, too
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cpay-tests"


class NotFetched(Exception):
    """The registry did not give it. The message says why."""


def python_package(requirement: str) -> Path:
    """A folder for PYTHONPATH with a package and what it needs, such as "localstripe==1.15.10".

    It is for processes of their own: what it holds may not suit this one. Raises NotFetched.
    """
    name = f"{requirement}-python{sys.version_info.major}.{sys.version_info.minor}"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    limits = ["--retries", "1", "--timeout", "20"]
    return fetched(name, [*pip, *limits, "--target", ".", requirement])


def fetched(name: str, command: Sequence[str], bin_variable: str = "") -> Path:
    """The folder `name` of the cache, which `command` fills when it is not there yet.

    Raises NotFetched.
    """
    folder = _CACHE / name
    if folder.exists():
        return folder
    _CACHE.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=_CACHE, ignore_cleanup_errors=True) as building:
        environment = os.environ | ({bin_variable: building} if bin_variable else {})
        try:
            subprocess.run(
                command, cwd=building, env=environment, capture_output=True, timeout=_PATIENCE,
                check=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise NotFetched(f"{name} cannot be fetched in {_PATIENCE} seconds") from None
        except subprocess.CalledProcessError as error:
            reason = error.stderr[-300:].decode(errors="replace")
            raise NotFetched(f"{name} cannot be fetched: {reason}") from None
        with suppress(OSError):  # another process was quicker
            Path(building).rename(folder)
    return folder
