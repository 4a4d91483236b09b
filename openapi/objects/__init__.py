"""The shape of each object in an answer, described as types.

The renderers in `processor` build plain dicts; here stands what a client may rely on. The tests
hold one against the other: every answer of a running stack must match its type exactly, member by
member. What a member means is said in `openapi/words.py`.

A class has its object's name, `PaymentIntent` for `payment_intent`; the name must be in `OBJECTS`.
"""

from msgspec import Struct

from openapi.objects import (
    customers,
    disputes,
    events,
    files,
    ledger,
    payment_methods,
    payments,
    payouts,
    products,
    providers,
    reconciliations,
    refunds,
    reporting,
    rpc_batches,
    setup_intents,
    tokens,
    unresolved_payments,
    webhook_endpoints,
)

OBJECTS: dict[str, type[Struct]] = {
    "balance": ledger.Balance,
    "balance_transaction": ledger.BalanceTransaction,
    "customer": customers.Customer,
    "deleted_customer": customers.DeletedCustomer,
    "payment_method": payment_methods.PaymentMethod,
    "payment_intent": payments.PaymentIntent,
    "charge": payments.Charge,
    "refund": refunds.Refund,
    "dispute": disputes.Dispute,
    "payout": payouts.Payout,
    "payout_batch": payouts.PayoutBatch,
    "reconciliation": reconciliations.Reconciliation,
    "reconciliation_item": reconciliations.ReconciliationItem,
    "unresolved_payment": unresolved_payments.UnresolvedPayment,
    "external_account": payouts.ExternalAccount,
    "deleted_external_account": payouts.DeletedExternalAccount,
    "setup_intent": setup_intents.SetupIntent,
    "setup_attempt": setup_intents.SetupAttempt,
    "mandate": setup_intents.Mandate,
    "event": events.Event,
    "file": files.File,
    "file_link": files.FileLink,
    "reporting.report_type": reporting.ReportingReportType,
    "reporting.report_run": reporting.ReportingReportRun,
    "rpc_batch": rpc_batches.RpcBatch,
    "product": products.Product,
    "deleted_product": products.DeletedProduct,
    "provider": providers.Provider,
    "provider_account": providers.ProviderAccount,
    "deleted_provider_account": providers.DeletedProviderAccount,
    "provider_health": providers.ProviderHealth,
    "routing_preview": providers.RoutingPreview,
    "routing_rule": providers.RoutingRule,
    "deleted_routing_rule": providers.DeletedRoutingRule,
    "token": tokens.Token,
    "webhook_endpoint": webhook_endpoints.WebhookEndpoint,
    "deleted_webhook_endpoint": webhook_endpoints.DeletedWebhookEndpoint,
}

# Objects that can still be read after their deletion, in their deleted form.
READABLE_WHEN_DELETED = frozenset({"customer"})

# Names of the expander for members that can be of several kinds.
KINDS: dict[str, tuple[str, ...]] = {"source": ("charge", "dispute", "payout", "refund")}
