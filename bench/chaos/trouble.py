"""What goes wrong at a PSP, as rules of its script (`providers.sandbox.script.Rule`)."""

from typing import Any, Literal

Psp = Literal[
    "cards",
    "cinetpay",
    "cmi",
    "flutterwave",
    "moov",
    "mtn",
    "orange_cm",
    "orange_web",
    "paygate",
    "paypal",
]
Rule = dict[str, Any]

# What happens to the answer to a call, and for how long. Most are answered: were it less than
# half, the engine's breaker would keep the others from ever being sent.
FAULTS: list[Rule] = [
    *[{}] * 14,
    {"fault": "timeout_after_accepting", "fault_seconds": 2},
    {"fault": "reset_before_accepting"},
    {"fault": "reset_after_accepting"},
    {"fault": "error_500"},
    {"fault": "error_503"},
    {"fault": "error_500_after_accepting"},
    {"fault": "unparsable_after_accepting"},
    {"fault": "slow", "fault_seconds": 1.5},
]
CALLBACKS: list[Rule] = [
    {},
    {"callback": "lost"},
    {"callback": "doubled"},
    {"callback": "late", "callback_seconds": 3},
    {"callback": "reordered", "callback_seconds": 3},
]
# During an ambush the PSP takes its time, before or after it has accepted the call.
SLOWLY: list[Rule] = [
    {"fault": "slow", "fault_seconds": 2},
    {"fault": "timeout_after_accepting", "fault_seconds": 2},
]

# What no amount can choose, because the protocol does not name it in these calls; and what should
# meet calls that have no rule of their own.
WEATHER: list[tuple[Psp, Rule]] = [
    ("cards", {"operation": "look_up", "outcome": "not_indexed", "times": 3}),
    ("cards", {"operation": "look_up", "fault": "error_503", "times": 2}),
    ("cards", {"operation": "capture", "fault": "reset_after_accepting", "times": 2}),
    ("cards", {"operation": "capture", "fault": "reset_before_accepting", "times": 1}),
    ("cards", {"operation": "capture", "fault": "slow", "fault_seconds": 2, "times": 2}),
    ("cards", {"operation": "cancel", "fault": "reset_after_accepting", "times": 1}),
    ("cards", {"operation": "cancel", "fault": "error_500_after_accepting", "times": 1}),
    ("cards", {"operation": "refund", "fault": "reset_after_accepting", "times": 1}),
    ("cards", {"operation": "refund", "fault": "error_500", "times": 1}),
    ("cards", {"operation": "refund", "callback": "lost", "times": 2}),
    ("cards", {"operation": "look_up_refund", "fault": "unparsable_after_accepting", "times": 1}),
    ("mtn", {"operation": "look_up", "fault": "unparsable_after_accepting", "times": 2}),
    ("mtn", {"operation": "look_up", "fault": "slow", "fault_seconds": 2, "times": 2}),
    ("mtn", {"operation": "token", "fault": "reset_after_accepting", "times": 1}),
    ("mtn", {"operation": "token", "fault": "error_503", "times": 1}),
    ("mtn", {"operation": "refund", "fault": "reset_after_accepting", "times": 1}),
    ("mtn", {"operation": "refund", "fault": "reset_before_accepting", "times": 1}),
    ("mtn", {"operation": "look_up_refund", "fault": "error_500", "times": 1}),
    ("mtn", {"operation": "transfer", "fault": "unparsable_after_accepting", "times": 1}),
    ("mtn", {"operation": "transfer", "fault": "reset_before_accepting", "times": 1}),
    ("mtn", {"operation": "transfer", "callback": "doubled", "times": 3}),
    ("mtn", {"operation": "look_up_transfer", "fault": "reset_after_accepting", "times": 1}),
    ("cinetpay", {"operation": "look_up", "fault": "error_503", "times": 1}),
    ("cinetpay", {"operation": "pay", "fault": "reset_after_accepting", "times": 1}),
    ("cinetpay", {"operation": "pay", "callback": "lost", "times": 2}),
    ("cmi", {"operation": "look_up", "fault": "unparsable_after_accepting", "times": 2}),
    ("cmi", {"operation": "capture", "fault": "reset_after_accepting", "times": 1}),
    ("cmi", {"operation": "capture", "fault": "reset_before_accepting", "times": 1}),
    ("cmi", {"operation": "cancel", "fault": "timeout_after_accepting", "fault_seconds": 2,
             "times": 1}),
    ("cmi", {"operation": "history", "fault": "error_500", "times": 1}),
    ("flutterwave", {"operation": "look_up", "fault": "reset_after_accepting", "times": 2}),
    ("flutterwave", {"operation": "refund", "fault": "reset_after_accepting", "times": 1}),
    ("flutterwave", {"operation": "refund", "fault": "error_503", "times": 1}),
    ("flutterwave", {"operation": "look_up_refund", "fault": "error_500", "times": 1}),
    ("flutterwave", {"operation": "token", "fault": "reset_after_accepting", "times": 1}),
    ("moov", {"operation": "look_up", "fault": "error_500_after_accepting", "times": 2}),
    ("moov", {"operation": "look_up", "fault": "slow", "fault_seconds": 2, "times": 1}),
    ("orange_cm", {"operation": "look_up", "fault": "error_500", "times": 2}),
    ("orange_cm", {"operation": "look_up_transfer", "fault": "unparsable_after_accepting",
                   "times": 1}),
    ("orange_cm", {"operation": "token", "fault": "reset_after_accepting", "times": 1}),
    ("orange_web", {"operation": "look_up", "fault": "reset_after_accepting", "times": 1}),
    ("orange_web", {"operation": "confirm", "callback": "lost", "times": 2}),
    ("orange_web", {"operation": "token", "outcome": "TOO_MANY_REQUESTS", "times": 1}),
    ("paygate", {"operation": "look_up", "fault": "slow", "fault_seconds": 2, "times": 1}),
    ("paygate", {"operation": "look_up", "outcome": "codes_as_text", "times": 2}),
    ("paypal", {"operation": "complete", "fault": "reset_after_accepting", "times": 1}),
    ("paypal", {"operation": "complete", "fault": "reset_before_accepting", "times": 1}),
    ("paypal", {"operation": "capture", "fault": "error_500_after_accepting", "times": 1}),
    ("paypal", {"operation": "cancel", "fault": "reset_after_accepting", "times": 1}),
    ("paypal", {"operation": "refund", "fault": "timeout_after_accepting", "fault_seconds": 2,
                "times": 1}),
    ("paypal", {"operation": "look_up", "fault": "error_503", "times": 1}),
]  # fmt: skip
