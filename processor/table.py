"""The table of operations: all that a client can do, through whichever door."""

from processor.customers import operations as customers
from processor.disputes import operations as disputes
from processor.disputes.objects import FILES
from processor.events import operations as events
from processor.expansion import Expander
from processor.external_accounts import operations as external_accounts
from processor.file_links import operations as file_links
from processor.files import operations as files
from processor.ledger import operations as ledger
from processor.mandates import operations as mandates
from processor.operations import Operation
from processor.payment_methods import operations as payment_methods
from processor.payments import charges, direct, intents
from processor.payments import search as payments_search
from processor.payout_batches import operations as payout_batches
from processor.payouts import operations as payouts
from processor.products import operations as products
from processor.provider_accounts import operations as provider_accounts
from processor.providers import operations as providers
from processor.reconciliation import operations as reconciliation
from processor.refunds import operations as refunds
from processor.reporting import operations as reporting
from processor.routing_rules import operations as routing_rules
from processor.rpc_batches import operations as rpc_batches
from processor.setup_intents import operations as setup_intents
from processor.sources import by_prefix
from processor.tokens import operations as tokens
from processor.unresolved_payments import operations as unresolved_payments
from processor.webhook_endpoints import operations as webhook_endpoints

OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in [
        *customers.OPERATIONS,
        *payment_methods.OPERATIONS,
        *tokens.OPERATIONS,
        *intents.OPERATIONS,
        *charges.OPERATIONS,
        *direct.OPERATIONS,
        *payments_search.OPERATIONS,
        *setup_intents.OPERATIONS,
        *mandates.OPERATIONS,
        *ledger.OPERATIONS,
        *refunds.OPERATIONS,
        *disputes.OPERATIONS,
        *external_accounts.OPERATIONS,
        *payouts.OPERATIONS,
        *payout_batches.OPERATIONS,
        *reconciliation.OPERATIONS,
        *provider_accounts.OPERATIONS,
        *routing_rules.OPERATIONS,
        *providers.OPERATIONS,
        *unresolved_payments.OPERATIONS,
        *products.OPERATIONS,
        *files.OPERATIONS,
        *file_links.OPERATIONS,
        *reporting.OPERATIONS,
        *rpc_batches.OPERATIONS,
        *events.OPERATIONS,
        *webhook_endpoints.OPERATIONS,
    ]
}

EXPANDER = Expander(
    fields={
        "customer": {
            "default_source": None,
            "invoice_settings.default_payment_method": "payment_method",
            "test_clock": None,
        },
        "payment_method": {"customer": "customer"},
        "token": {},
        "setup_intent": {
            "application": None,
            "customer": "customer",
            "latest_attempt": "setup_attempt",
            "mandate": "mandate",
            "on_behalf_of": None,
            "payment_method": "payment_method",
            "single_use_mandate": "mandate",
        },
        "setup_attempt": {
            "application": None,
            "customer": "customer",
            "on_behalf_of": None,
            "payment_method": "payment_method",
            "setup_intent": "setup_intent",
        },
        "mandate": {"payment_method": "payment_method"},
        "payment_intent": {
            "application": None,
            "customer": "customer",
            "latest_charge": "charge",
            "on_behalf_of": None,
            "payment_method": "payment_method",
            "review": None,
            "source": None,
        },
        "charge": {
            "application": None,
            "application_fee": None,
            "balance_transaction": "balance_transaction",
            "customer": "customer",
            "failure_balance_transaction": None,
            "on_behalf_of": None,
            "payment_intent": "payment_intent",
            "payment_method": "payment_method",
            "review": None,
            "source_transfer": None,
            "unresolved_payment": "unresolved_payment",
        },
        "balance": {},
        "balance_transaction": {"source": "source"},
        "refund": {
            "balance_transaction": "balance_transaction",
            "charge": "charge",
            "customer": None,
            "failure_balance_transaction": "balance_transaction",
            "payment_intent": "payment_intent",
            "payment_method": None,
            "source_transfer_reversal": None,
            "transfer_reversal": None,
            "unresolved_payment": "unresolved_payment",
        },
        "external_account": {},
        "payout_batch": {},
        "payout": {
            "application_fee": None,
            "balance_transaction": "balance_transaction",
            "destination": "external_account",
            "failure_balance_transaction": "balance_transaction",
            "original_payout": "payout",
            "reversed_by": "payout",
            "unresolved_payment": "unresolved_payment",
        },
        "dispute": {
            "charge": "charge",
            "payment_intent": "payment_intent",
            **{f"evidence.{name}": "file" for name in FILES},
        },
        "product": {"default_price": None},
        "provider": {},
        "provider_account": {},
        "provider_health": {},
        "reconciliation": {"file": "file"},
        "reconciliation_item": {},
        "unresolved_payment": {"payment": "source"},
        "event": {},
        "file": {},
        "file_link": {"file": "file"},
        "reporting.report_type": {},
        "reporting.report_run": {},
        "rpc_batch": {},
        "routing_preview": {},
        "routing_rule": {},
        # Whatever can cause a balance transaction.
        "source": {
            "charge": "charge",
            "customer": "customer",
            "destination": "external_account",
            "payment_intent": "payment_intent",
            "payment_method": "payment_method",
        },
        "webhook_endpoint": {},
    },
    loaders={
        "balance_transaction": ledger.load,
        "charge": charges.load,
        "customer": customers.load,
        "mandate": mandates.load,
        "setup_attempt": setup_intents.load_attempts,
        "setup_intent": setup_intents.load,
        "payment_intent": intents.load,
        "external_account": external_accounts.load,
        "payment_method": payment_methods.load,
        "payout": payouts.load,
        "file": files.load,
        "dispute": disputes.load,
        "product": products.load,
        "refund": refunds.load,
        "unresolved_payment": unresolved_payments.load,
        "source": by_prefix(
            {
                "ch": charges.load,
                "dp": disputes.load,
                "po": payouts.load,
                "py": charges.load,
                "re": refunds.load,
            }
        ),
    },
)
