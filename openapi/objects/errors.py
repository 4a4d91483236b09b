"""The error, which is the answer whenever the status is not 200."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from openapi.objects.payment_methods import MethodType, PaymentMethod
from openapi.objects.payments import PaymentIntent
from openapi.objects.setup_intents import SetupIntent


class ErrorDetails(Struct, kw_only=True):
    """What went wrong. Members that do not apply are absent."""

    type: Literal[
        "api_error", "card_error", "idempotency_error", "invalid_request_error", "rate_limit_error"
    ]
    message: str
    code: str | UnsetType = UNSET
    param: str | UnsetType = UNSET
    decline_code: str | UnsetType = UNSET
    charge: str | UnsetType = UNSET
    payment_intent: PaymentIntent | UnsetType = UNSET
    payment_method: PaymentMethod | UnsetType = UNSET
    payment_method_type: MethodType | UnsetType = UNSET
    setup_intent: SetupIntent | UnsetType = UNSET


class Error(Struct):
    """A refusal, or a failure of ours."""

    error: ErrorDetails
