"""What a sandbox PSP is told to do: outcomes, delays, callbacks and faults, call by call."""

from enum import StrEnum
from typing import Any

import msgspec


class Fault(StrEnum):
    """How an answer gets lost. "Accepting" is doing the work: the resource exists, money moves."""

    SLOW = "slow"  # the right answer, `fault_seconds` late
    ERROR_500 = "error_500"  # before accepting
    ERROR_503 = "error_503"  # before accepting
    ERROR_500_AFTER_ACCEPTING = "error_500_after_accepting"
    UNPARSABLE_AFTER_ACCEPTING = "unparsable_after_accepting"  # 200 with a body that is not JSON
    RESET_BEFORE_ACCEPTING = "reset_before_accepting"
    RESET_AFTER_ACCEPTING = "reset_after_accepting"
    TIMEOUT_AFTER_ACCEPTING = "timeout_after_accepting"  # `fault_seconds` of silence, then a reset


class CallbackBehaviour(StrEnum):
    """What becomes of the callbacks that a call causes."""

    NORMAL = "normal"
    LOST = "lost"
    DOUBLED = "doubled"
    LATE = "late"  # `callback_seconds` later
    REORDERED = "reordered"  # after this PSP's next callback, at most `callback_seconds` later


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What the script says about one call."""

    outcome: str | None = None  # one of the PSP's own names; None: what its test table says
    delay: float = 0.0  # seconds until the payer approves (or refuses)
    callback: CallbackBehaviour = CallbackBehaviour.NORMAL
    callback_seconds: float = 5.0
    fault: Fault | None = None
    fault_seconds: float = 60.0


class Rule(Step, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step and the calls it is for. A field left out matches every call."""

    payer: str | None = None  # as the protocol writes it: an MSISDN, a card token
    amount: int | None = None  # minor units
    operation: str = "charge"  # one of the PSP's names for its calls; "*" for all of them
    times: int | None = None  # None: until the script is cleared; 1: the next matching call only

    def matches(self, operation: str, payer: str | None, amount: int | None) -> bool:
        """Whether this rule is for such a call."""
        return (
            self.operation in ("*", operation)
            and self.payer in (None, payer)
            and self.amount in (None, amount)
        )


class Script:
    """The rules of one PSP. They live in memory: a restarted sandbox behaves normally again."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.outage = False  # every connection is closed without an answer

    def add(self, rule: Rule) -> None:
        """Follow `rule` from now on."""
        self.rules.append(rule)

    def clear(self) -> None:
        """Forget every rule and end the outage."""
        self.rules.clear()
        self.outage = False

    def take(self, operation: str, payer: str | None = None, amount: int | None = None) -> Step:
        """The step for this call; counts down the rule it comes from.

        Rules for a number of calls come first, in the order they were given; then the newest
        standing rule.
        """
        counted = [rule for rule in self.rules if rule.times is not None]
        standing = [rule for rule in reversed(self.rules) if rule.times is None]
        for rule in counted + standing:
            if rule.matches(operation, payer, amount):
                if rule.times is not None:
                    self._count_down(rule, rule.times)
                return rule
        return Step()

    def _count_down(self, rule: Rule, times: int) -> None:
        position = self.rules.index(rule)
        if times <= 1:
            del self.rules[position]
        else:
            self.rules[position] = msgspec.structs.replace(rule, times=times - 1)

    def as_json(self) -> dict[str, Any]:
        """`{"outage": bool, "rules": [...]}`, as the control API shows it."""
        return {"outage": self.outage, "rules": msgspec.to_builtins(self.rules)}
