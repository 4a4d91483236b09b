"""Programs of other people that tests talk to. A test whose program cannot be had is skipped."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench import fetching


def npm_package(spec: str) -> Path:
    """The `node_modules` that hold an npm package, such as "mtn-momo@2.0.0"."""
    npm = _program("npm")
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"]
    return _fetched(spec, [npm, "install", *quiet, spec]) / "node_modules"


def python_package(requirement: str) -> Path:
    """A folder for PYTHONPATH, as `bench.fetching` makes it."""
    try:
        return fetching.python_package(requirement)
    except fetching.NotFetched as reason:
        pytest.skip(str(reason))


def go_command(package: str, version: str) -> Path:
    """A program compiled from a Go module."""
    name = package.rpartition("/")[2]
    command = [_program("go"), "install", f"{package}@{version}"]
    return _fetched(f"{name}@{version}", command, bin_variable="GOBIN") / name


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def _fetched(name: str, command: Sequence[str], bin_variable: str = "") -> Path:
    try:
        return fetching.fetched(name, command, bin_variable)
    except fetching.NotFetched as reason:
        pytest.skip(str(reason))
