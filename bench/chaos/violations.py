"""What an audit finds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken."""

    kind: str  # "lost", "created", "doubled"...
    about: str
    detail: str
