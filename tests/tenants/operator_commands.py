"""The `cpay` command, run as an operator of a stack runs it."""

import json
import os
import subprocess
import sys
from typing import Any

from live import Stack


def cpay(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `cpay` as an operator of this stack."""
    environment = os.environ | {
        "CPAY_STATE_DIR": str(stack.state),
        "CPAY_ADMIN_DATABASE_URL": stack.database_url,
        "CPAY_KEY_PEPPER": stack.pepper.decode(),
    }
    return subprocess.run(
        [sys.executable, "-m", "cpay", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def answer(stack: Stack, *arguments: str) -> list[dict[str, Any]]:
    """What a command that succeeds prints: JSON, one object a line."""
    done = cpay(stack, *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
