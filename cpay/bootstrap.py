"""Run a command in CPay's virtual environment, which is built first when it is missing or old.

    python3 cpay/bootstrap.py [--dev] COMMAND [ARGUMENT ...]

The environment is CPAY_VENV, or else `.venv` in the checkout, or else, where the checkout is
read-only, a folder of the user's cache. It holds what requirements.lock pins; with --dev, what
requirements-dev.lock pins. Nothing but the standard library is there yet, hence no import of ours.
"""

import fcntl
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


class BootstrapError(Exception):
    """The environment can't be built; the message is one sentence for a person."""


def main(arguments: list[str]) -> None:
    """Build what is missing, then become the command; on failure a sentence and exit code 1."""
    dev = arguments[:1] == ["--dev"]
    command = arguments[1:] if dev else arguments
    venv = location()
    try:
        build(venv, "requirements-dev.lock" if dev else "requirements.lock")
    except BootstrapError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"The virtual environment {venv} can't be built: {error}")
    search_path = (str(venv / "bin"), os.environ.get("PATH", os.defpath))
    modules = filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH")))
    os.environ["PATH"] = os.pathsep.join(search_path)
    os.environ["PYTHONPATH"] = os.pathsep.join(modules)
    os.execvp(command[0], command)  # noqa: S606  # becoming the command is the purpose


def location() -> Path:
    """Return where the virtual environment is, or is to be."""
    if chosen := os.environ.get("CPAY_VENV"):
        return Path(chosen).absolute()
    if os.access(CHECKOUT, os.W_OK):
        return CHECKOUT / ".venv"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    return cache / "cpay" / "-".join(CHECKOUT.parts[1:]) / "venv"


def build(venv: Path, lock: str) -> None:
    """Create the environment and install the packages of `lock`, unless that was done already."""
    # What it was built from is written inside it, last: an interrupted build is done again.
    stamp, wanted = venv / lock, sys.version + "\n" + (CHECKOUT / lock).read_text()
    if _reads(stamp, wanted):
        return
    venv.mkdir(parents=True, exist_ok=True)
    one_at_a_time = os.open(venv, os.O_RDONLY)
    fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
    if not _reads(stamp, wanted):  # the one we may have waited for has built it otherwise
        if not _reads(venv / "python-version", sys.version):
            _create(venv)
        _install(venv, lock)
        _write_command(venv)
        stamp.write_text(wanted)
    os.close(one_at_a_time)


def _create(venv: Path) -> None:
    if importlib.util.find_spec("ensurepip") is None:  # Debian splits it off
        major, minor = sys.version_info[:2]
        raise BootstrapError(
            "This Python can't make virtual environments: install the Debian or Ubuntu package "
            f"python{major}.{minor}-venv (apt install python{major}.{minor}-venv)."
        )
    _say(f"Creating the virtual environment {venv}")
    command = [sys.executable, "-m", "venv", "--clear", str(venv)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # ours
    if done.returncode != 0:
        reason = (done.stdout + done.stderr).strip().rpartition("\n")[2]
        raise BootstrapError(f"The virtual environment {venv} can't be created: {reason}")
    (venv / "python-version").write_text(sys.version)


def _install(venv: Path, lock: str) -> None:
    """Install the locked packages with pip, whose whole output goes to a log."""
    _say(f"Installing the packages of {lock}; this takes a minute, once")
    options = ["--require-hashes", "--disable-pip-version-check", "--no-input", "--retries=2"]
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", *options]
    log = venv / "install.log"
    with log.open("w") as output:
        done = subprocess.run(  # noqa: S603  # pip of our environment, our file
            [*command, "-r", str(CHECKOUT / lock)],
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        errors = [line for line in log.read_text().splitlines() if line.startswith("ERROR: ")]
        reason = errors[-1].removeprefix("ERROR: ") if errors else f"exit code {done.returncode}"
        raise BootstrapError(
            f"The packages can't be installed: {reason} (pip's log is {log}). "
            "Is the package index reachable from here?"
        )


def _write_command(venv: Path) -> None:
    """Give the environment a `cpay` command that works from any directory."""
    script = venv / "bin" / "cpay"
    interpreter = venv / "bin" / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{CHECKOUT}" exec "{interpreter}" -m cpay "$@"\n')
    script.chmod(0o755)


def _reads(file: Path, text: str) -> bool:
    """Tell whether the file exists and holds exactly this text."""
    return file.exists() and file.read_text() == text


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
