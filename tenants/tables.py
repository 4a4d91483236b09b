"""Every table, once. Migrations are checked against this page by a test; SQL is composed from it.

Two families:

- `platform`: shared by all tenants, always named with its schema in SQL. Its queues are the
  only tables a tenant's role may touch, row by row (row level security on `schema_name`).
- `tenant`: one copy per tenant and mode, named without a schema; `search_path` decides whose.

Ids are text in byte order and begin with a time, so ordering by id is ordering by creation.
`created` is in unix seconds, as in Stripe's objects. Amounts are in minor units. `version` counts
the changes of a row and travels in its events, so that a consumer can drop a stale one.
Statuses are text with a check: an enum per schema would break cached statements.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine, UserDefinedType

NAMING = {
    "pk": "%(table_name)s_pkey",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
}

platform = MetaData(schema="platform", naming_convention=NAMING)
tenant = MetaData(naming_convention=NAMING)

NOW = text("now()")


class Xid8(UserDefinedType[str]):
    """PostgreSQL's 64-bit transaction id, which SQLAlchemy has no name for."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


def one_of(column: str, values: Sequence[str]) -> CheckConstraint:
    """A check that `column` holds one of `values`."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} in ({listed})", name=column)


def _required(
    name: str, kind: "type[Any] | TypeEngine[Any]" = Text, *args: SchemaItem, **options: object
) -> Column:  # type: ignore[type-arg]
    return Column(name, kind, *args, nullable=False, **options)  # type: ignore[arg-type]


def _json(name: str) -> Column:  # type: ignore[type-arg]
    return Column(name, JSONB, nullable=False, server_default=text("'{}'"))


# --- platform -----------------------------------------------------------------------------------

tenants = Table(
    "tenants",
    platform,
    Column("id", Text, primary_key=True),
    Column("number", BigInteger, Identity(always=True), nullable=False, unique=True),
    _required("name"),
    _required("country"),
    _required("default_currency"),
    _json("settings"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
)

tenant_schemas = Table(
    "tenant_schemas",
    platform,
    Column("schema_name", Text, primary_key=True),
    _required("tenant", Text, ForeignKey("platform.tenants.id")),
    _required("livemode", Boolean),
    Column("revision", Text),
    Column("migrated_at", DateTime(timezone=True)),
    Column("error", Text),
    Column("suspended_at", DateTime(timezone=True)),  # nothing is done for it: it is being moved
    UniqueConstraint("tenant", "livemode"),
    Index("suspended_schemas", "schema_name", postgresql_where=text("suspended_at is not null")),
)

KEY_KINDS = ("secret", "publishable", "restricted")

api_keys = Table(
    "api_keys",
    platform,
    Column("id", Text, primary_key=True),
    _required("schema_name", Text, ForeignKey("platform.tenant_schemas.schema_name")),
    _required("kind"),
    _required("hash", LargeBinary, unique=True),
    _required("hint"),
    Column("name", Text),
    Column("scopes", JSONB),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    one_of("kind", KEY_KINDS),
    Index(None, "schema_name"),
)

# What a charge costs the merchant. The most specific row that fits wins; null fits anything.
price_plans = Table(
    "price_plans",
    platform,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("tenant", Text, ForeignKey("platform.tenants.id")),
    Column("provider", Text),
    Column("method", Text),
    Column("currency", Text),
    _required("basis_points", Integer),  # hundredths of a per cent of the amount
    _required("fixed", BigInteger),  # minor units
    Column("minimum", BigInteger),
    Column("maximum", BigInteger),
    _required("tax_basis_points", Integer),  # of the fee: Cameroon's VAT is 1925
    _required("settlement_days", Integer),  # until it can be paid out
    UniqueConstraint(
        "tenant", "provider", "method", "currency", postgresql_nulls_not_distinct=True
    ),
    CheckConstraint(
        "basis_points >= 0 and fixed >= 0 and tax_basis_points >= 0 and settlement_days >= 0",
        name="amounts",
    ),
)

# A job is one row per schema, kind and subject: asking twice for the same work asks once.
# `run_at` is also the lease: a claim pushes it into the future; a dead worker's job comes due
# again.
jobs = Table(
    "jobs",
    platform,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _required("schema_name", Text(collation="C"), server_default=text("current_user")),
    _required("kind"),
    _required("subject", Text(collation="C")),
    Column("run_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    _required("attempts", Integer, server_default=text("0")),
    Column("last_error", Text),
    UniqueConstraint("schema_name", "kind", "subject"),
    # Receipts are claimed apart from all else, so that neither waits behind the other's backlog.
    Index("jobs_receipts_idx", "run_at", postgresql_where=text("kind = 'receipt'")),
    Index("jobs_others_idx", "run_at", postgresql_where=text("kind <> 'receipt'")),
)

# The queue of webhook deliveries: a row leaves when it is delivered or given up; the history is the
# tenant's own (`delivery_attempts`), so that a tenant can be exported whole.
deliveries = Table(
    "deliveries",
    platform,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _required("schema_name", Text(collation="C"), server_default=text("current_user")),
    _required("event", Text(collation="C")),
    _required("endpoint", Text(collation="C")),
    Column("run_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    _required("attempts", Integer, server_default=text("0")),
    UniqueConstraint("schema_name", "event", "endpoint"),
    Index(None, "schema_name", "endpoint", "run_at", "id"),
)

# Accounts at payment providers that serve every tenant; a tenant's own are in its schema. What is
# secret in `sealed` opens with a key that is not in the database.
shared_provider_accounts = Table(
    "shared_provider_accounts",
    platform,
    Column("id", Text, primary_key=True),
    _required("livemode", Boolean),
    _required("provider"),
    _required("sealed"),
    _required("key_id"),
    _json("details"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=NOW),
)

# The operator's kill switch: nothing new is sent to an account that is here.
provider_switches = Table(
    "provider_switches",
    platform,
    Column("account", Text, primary_key=True),
    _required("reason"),
    Column("switched_at", DateTime(timezone=True), nullable=False, server_default=NOW),
)

# Which tenants have accounts or rules of their own, and how often these have changed: every process
# reads it once a second instead of asking each tenant.
routing_changes = Table(
    "routing_changes",
    platform,
    Column(
        "schema_name",
        Text(collation="C"),
        primary_key=True,
        server_default=text("current_user"),
    ),
    _required("changes", BigInteger),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    Index(None, "changed_at"),
)

BREAKER_STATES = ("closed", "open")

# What all processes believe of an account at a provider, by operation.
provider_health = Table(
    "provider_health",
    platform,
    Column("account", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    _required("state"),
    Column("open_until", DateTime(timezone=True)),
    _required("rest_seconds", Integer, server_default=text("0")),
    _required("probes", Integer, server_default=text("0")),  # under way since it was last open
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    # When the state was last another one; probes change the row and not this.
    Column("since", DateTime(timezone=True), nullable=False, server_default=NOW),
    one_of("state", BREAKER_STATES),
)

# The calls of each process in its sliding window: a provider's failures add up across processes.
provider_calls = Table(
    "provider_calls",
    platform,
    Column("account", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("process", Text, primary_key=True),
    _required("calls", Integer),
    _required("failures", Integer),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=NOW),
)

# Which payments nobody can explain, of all tenants: a row leaves when its payment is resolved. What
# is known of it is the tenant's own (`unresolved_payments`).
unresolved_queue = Table(
    "unresolved_queue",
    platform,
    Column(
        "schema_name",
        Text(collation="C"),
        primary_key=True,
        server_default=text("current_user"),
    ),
    Column("id", Text(collation="C"), primary_key=True),
    _required("type"),
    _required("provider"),
    _required("since", BigInteger),
    Index(None, "since", "id"),
)

QUEUES = (jobs, deliveries, unresolved_queue)

# --- tenant -------------------------------------------------------------------------------------


def _object(name: str, *items: SchemaItem) -> Table:
    """A table of API objects: the columns that every one of them has, then its own."""
    return Table(
        name,
        tenant,
        Column("id", Text(collation="C"), primary_key=True),
        _required("version", Integer),
        _required("created", BigInteger),
        *items,
        _json("details"),
        _json("metadata"),
    )


customers = _object(
    "customers",
    _required("deleted", Boolean),
    Column("email", Text),
    Column("name", Text),
    Column("phone", Text),
    Index(None, "email"),
)

payment_methods = _object(
    "payment_methods",
    _required("type"),
    Column("customer", Text(collation="C")),
    _required("token"),  # what the provider charges: its own card token, or an E.164 number
    Index(None, "customer"),
)

# A typed card of test mode, to be used once. Its number is not kept: `token` is its test alias.
tokens = _object(
    "tokens",
    _required("type"),
    _required("token"),  # what the card PSP knows the card by
    _required("used", Boolean),
)

INTENT_STATUSES = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "canceled",
    "succeeded",
)

payment_intents = _object(
    "payment_intents",
    _required("status"),
    _required("amount", BigInteger),
    _required("currency"),
    _required("amount_capturable", BigInteger),
    _required("amount_received", BigInteger),
    Column("customer", Text(collation="C")),
    Column("payment_method", Text(collation="C")),
    Column("latest_charge", Text(collation="C")),
    one_of("status", INTENT_STATUSES),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("amount_received between 0 and amount", name="amount_received"),
    Index(None, "customer"),
)

SETUP_STATUSES = (
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "canceled",
    "succeeded",
)

setup_intents = _object(
    "setup_intents",
    _required("status"),
    Column("customer", Text(collation="C")),
    Column("payment_method", Text(collation="C")),
    Column("latest_attempt", Text(collation="C")),
    one_of("status", SETUP_STATUSES),
    Index(None, "customer"),
    Index(None, "payment_method"),
)

SETUP_ATTEMPT_STATES = ("submitted", "pending", "unknown", "succeeded", "failed", "canceled")

setup_attempts = _object(
    "setup_attempts",
    _required("state"),
    _required("setup_intent", Text(collation="C")),
    Column("customer", Text(collation="C")),
    _required("payment_method", Text(collation="C")),
    Column("provider", Text),  # the account that was asked; null where no provider can be
    _required("reference"),  # ours, committed before the first byte is sent
    Column("provider_reference", Text),
    one_of("state", SETUP_ATTEMPT_STATES),
    Index(None, "setup_intent"),
    Index(None, "reference", unique=True),
)

mandates = _object(
    "mandates",
    _required("status"),
    _required("payment_method", Text(collation="C")),
    _required("setup_intent", Text(collation="C")),
    one_of("status", ("pending", "active", "inactive")),
    Index(None, "payment_method"),
)

CHARGE_STATES = (
    "submitted",
    "pending",
    "unknown",
    "authorized",
    "succeeded",
    "failed",
    "canceled",
)

charges = _object(
    "charges",
    _required("state"),
    _required("payment_intent", Text(collation="C")),
    _required("amount", BigInteger),
    _required("amount_captured", BigInteger),
    # What has been given back, refunds under way included.
    Column("amount_refunded", BigInteger, nullable=False, server_default=text("0")),
    _required("currency"),
    Column("customer", Text(collation="C")),
    Column("payment_method", Text(collation="C")),
    _required("provider"),  # the provider account that was asked, by its name in the settings
    _required("reference"),  # ours, committed before the first byte is sent
    Column("provider_reference", Text),
    one_of("state", CHARGE_STATES),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("amount_captured between 0 and amount", name="amount_captured"),
    CheckConstraint("amount_refunded between 0 and amount_captured", name="amount_refunded"),
    Index(None, "payment_intent"),
    Index(None, "customer"),
    Index(None, "reference", unique=True),
    # Wallets that are being asked: some providers may not be asked twice (Capabilities).
    Index(
        "charges_asked_idx",
        text("(details->>'token')"),
        postgresql_where=text(
            "state in ('submitted', 'pending', 'unknown') and details ? 'mobile_money'"
        ),
    ),
    # References that attempts left behind when they moved to another account.
    Index(
        "charges_tries_idx",
        text("(details->'routing'->'tries') jsonb_path_ops"),
        postgresql_using="gin",
        postgresql_where=text("details->'routing' ? 'tries'"),
    ),
)

disputes = _object(
    "disputes",
    _required("status"),
    _required("charge", Text(collation="C")),
    _required("payment_intent", Text(collation="C")),
    _required("amount", BigInteger),
    _required("currency"),
    _required("reason"),
    one_of("status", ("needs_response", "under_review", "won", "lost")),
    Index(None, "charge"),
    Index(None, "payment_intent"),
)

products = _object(
    "products",
    _required("name"),
    _required("active", Boolean),
    _required("type"),
    _required("updated", BigInteger),
    one_of("type", ("good", "service")),
)

files = _object(
    "files",
    _required("purpose"),
    Index(None, "purpose"),
)

file_links = _object(
    "file_links",
    _required("file", Text(collation="C")),
    Column("expires_at", BigInteger),
    Index(None, "file"),
)

report_runs = _object(
    "report_runs",
    _required("status"),
    _required("report_type"),
    one_of("status", ("pending", "succeeded", "failed")),
)

REFUND_STATES = ("submitted", "pending", "unknown", "succeeded", "failed")

refunds = _object(
    "refunds",
    _required("state"),
    _required("charge", Text(collation="C")),
    _required("payment_intent", Text(collation="C")),
    _required("amount", BigInteger),
    _required("currency"),
    _required("provider"),
    _required("reference"),
    Column("provider_reference", Text),
    one_of("state", REFUND_STATES),
    CheckConstraint("amount > 0", name="amount"),
    Index(None, "charge"),
    Index(None, "payment_intent"),
    Index(None, "reference", unique=True),
)

# Where payouts go. The number, an IBAN or an E.164 number, is never shown whole again.
external_accounts = _object(
    "external_accounts",
    _required("kind"),
    _required("country"),
    _required("currency"),
    _required("number"),
    _required("default_for_currency", Boolean),
    _required("deleted", Boolean),
    one_of("kind", ("bank_account", "mobile_wallet")),
    Index(None, "currency", unique=True, postgresql_where=text("default_for_currency")),
)

PAYOUT_STATES = ("pending", "submitted", "in_transit", "unknown", "paid", "failed", "canceled")

payouts = _object(
    "payouts",
    _required("state"),
    _required("amount", BigInteger),  # negative: asked back from the bank
    _required("currency"),
    _required("arrival_date", BigInteger),
    _required("provider"),  # "bank", or the provider account that carries it
    _required("reference"),
    Column("provider_reference", Text),
    Column("destination", Text(collation="C")),  # the external account; a batch's lines have none
    Column("original_payout", Text(collation="C")),  # that this one reverses
    Column("batch", Text(collation="C")),
    Column("line", Integer),  # of its batch, from 1
    Column("bank_file", Text),  # the key in the object store of the file that handed it out
    one_of("state", PAYOUT_STATES),
    CheckConstraint("amount <> 0", name="amount"),
    Index(None, "reference", unique=True),
    Index(None, "batch", "line", unique=True),
    Index(None, "destination"),
    # What the next bank file will hold is found without reading the past.
    Index(None, "currency", postgresql_where=text("provider = 'bank' and state = 'pending'")),
)

payout_batches = _object(
    "payout_batches",
    _required("status"),
    _required("currency"),
    _required("amount", BigInteger),  # of all lines
    _required("lines", Integer),
    _required("last_line", Integer),  # up to which the payouts have been made
    one_of("status", ("processing", "completed")),
    CheckConstraint("amount > 0 and lines > 0", name="amount"),
)

webhook_endpoints = _object(
    "webhook_endpoints",
    _required("url"),
    _required("status"),
    _required("enabled_events", JSONB),
    one_of("status", ("enabled", "disabled")),
)

# Append-only, as are all tables marked so: the tenant's role has no right to change their rows.
APPEND_ONLY = {"append_only": True}

events = Table(
    "events",
    tenant,
    Column("id", Text(collation="C"), primary_key=True),
    _required("created", BigInteger),
    _required("type"),
    _required("object_id", Text),
    _required("object_version", Integer),
    _required("data"),  # the frozen JSON text of `data`, sent to everyone byte for byte
    Column("request_id", Text),
    Column("idempotency_key", Text),
    # Readers that follow the log stop before the oldest transaction still running: no event can
    # appear behind a cursor that has passed, and writers share no counter.
    Column("transaction", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    Index(None, "object_id"),
    Index(None, "type", "id"),
    info=APPEND_ONLY,
)

idempotency_keys = Table(
    "idempotency_keys",
    tenant,
    Column("key", Text, primary_key=True),
    _required("operation"),
    _required("hash", LargeBinary),
    Column("subject", Text),  # the payment intent whose outcome will be the answer
    Column("status", SmallInteger),  # the HTTP status of the answer; null while it is worked out
    Column("body", LargeBinary),  # the answer, replayed byte for byte
    _required("created", BigInteger),
    Index(None, "created"),
)

callbacks = Table(
    "callbacks",
    tenant,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _required("reference"),
    _required("provider"),
    _required("body_hash", LargeBinary),
    _required("body", LargeBinary),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    UniqueConstraint("reference", "body_hash"),
    info=APPEND_ONLY,
)

delivery_attempts = Table(
    "delivery_attempts",
    tenant,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _required("event", Text),
    _required("endpoint", Text),
    _required("attempt", Integer),
    Column("attempted_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    _required("duration_ms", Integer),
    Column("status", SmallInteger),  # the HTTP status, null when no answer came
    Column("error", Text),
    Column("response", Text),  # the first characters of the answer
    Column("next_attempt_at", DateTime(timezone=True)),
    Index(None, "event"),
    Index(None, "endpoint", "id"),
    info=APPEND_ONLY,
)

# What a batch was accepted with; a line and its batch are the key that its payout has once.
payout_batch_lines = Table(
    "payout_batch_lines",
    tenant,
    Column("batch", Text(collation="C"), primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    _required("data", JSONB),
    info=APPEND_ONLY,
)

# The ledger. A transaction is a set of entries that sum to zero; entries are never changed. What
# the API calls a balance transaction is a transaction with `shown`.
ledger_transactions = Table(
    "ledger_transactions",
    tenant,
    Column("id", Text(collation="C"), primary_key=True),
    _required("created", BigInteger),
    _required("kind"),  # Stripe's balance transaction type, or the name of an internal movement
    _required("shown", Boolean),
    _required("source"),  # what caused it: ch_, re_, po_, dp_ ...
    _required("currency"),
    _required("amount", BigInteger),  # gross, as the merchant sees it: negative takes money away
    _required("fee", BigInteger),
    _required("available_on", BigInteger),
    Column("description", Text),
    _required("fee_details", JSONB),
    Index(None, "source"),
    info=APPEND_ONLY,
)

ledger_entries = Table(
    "ledger_entries",
    tenant,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _required("transaction", Text(collation="C")),
    _required("account"),
    _required("currency"),
    _required("amount", BigInteger),
    Index(None, "transaction"),
    info=APPEND_ONLY,
)

# Each account's balance, spread over a few rows so that a busy merchant's charges do not queue for
# one. The sum of the stripes is exact whenever it is read, however many entries there are.
ledger_balances = Table(
    "ledger_balances",
    tenant,
    Column("account", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("stripe", SmallInteger, primary_key=True),
    _required("amount", BigInteger),
)

# What has been earned and may not be paid out yet; the row leaves when it may.
ledger_holds = Table(
    "ledger_holds",
    tenant,
    Column("transaction", Text(collation="C"), primary_key=True),
    _required("currency"),
    _required("net", BigInteger),
    _required("available_on", BigInteger),
    Index(None, "available_on"),
)

# Closed days, each chained to the one before by its hash; the files are in the object store.
ledger_closes = Table(
    "ledger_closes",
    tenant,
    Column("day", Date, primary_key=True),
    _required("hash"),
    Column("previous", Text),
    _required("object_key"),
    _required("transactions", Integer),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    info=APPEND_ONLY,
)

RECONCILIATION_STATUSES = ("processing", "open", "completed")
RECONCILIATION_ORIGINS = ("merchant", "operator")  # who brought the statement

# A provider's statement, held against the movements of its clearing account.
reconciliations = _object(
    "reconciliations",
    _required("status"),
    _required("provider"),
    _required("content_hash"),  # of the statement: the same one is not imported twice
    _required("period_start", BigInteger),
    _required("period_end", BigInteger),  # exclusive
    _required("open_items", Integer),
    _required("origin", server_default=text("'operator'")),
    one_of("status", RECONCILIATION_STATUSES),
    one_of("origin", RECONCILIATION_ORIGINS),
    Index(None, "origin", "provider", "content_hash", unique=True),
)

RECONCILIATION_KINDS = ("collection", "refund", "payout", "dispute", "other")
FINDINGS = ("matched", "missing_here", "missing_there", "different_amount", "duplicate")

# A line of a statement, or a movement of ours that has none. The signed amounts are the provider's
# account as the statement and as the ledger have it: money in is positive.
reconciliation_items = _object(
    "reconciliation_items",
    _required("reconciliation", Text(collation="C")),
    _required("provider"),
    Column("line", Integer),
    _required("kind"),
    Column("reference", Text),
    Column("external_id", Text),
    Column("provider_reference", Text),
    _required("amount", BigInteger),
    _required("currency"),
    _required("moved", Boolean),
    _required("occurred_at", BigInteger),
    Column("source", Text(collation="C")),  # the charge, refund or payout that it is about
    Column("matched_by", Text),
    _required("status"),
    _required("occurrence", Integer),  # among the lines about the same thing, from 1
    _required("statement_amount", BigInteger),
    _required("ledger_amount", BigInteger),
    Column("resolution", Text),
    Column("adjusts", Text),  # what is adjusted without a source of ours: once, in any statement
    one_of("kind", RECONCILIATION_KINDS),
    one_of("status", FINDINGS),
    Index(None, "reconciliation", "id"),  # pages of one statement's items
    Index(None, "reconciliation", "status"),
    Index(None, "source"),
    Index(None, "adjusts", unique=True),
)

UNRESOLVED_STATUSES = ("open", "awaiting_approval", "resolved")
PAYMENT_TYPES = ("charge", "refund", "payout")

# A charge, refund or payout whose outcome nobody could explain in time, until somebody can.
unresolved_payments = _object(
    "unresolved_payments",
    _required("status"),
    _required("type"),
    _required("reason"),
    _required("payment", Text(collation="C")),  # the charge, refund or payout
    _required("provider"),
    _required("amount", BigInteger),  # as the payment has it: a payout's reversal is negative
    _required("currency"),
    _required("since", BigInteger),  # when the payment was sent, or contradicted: its age's origin
    Column("outcome", Text),
    Column("proposal", Text(collation="C")),  # the deed that waits for a second person
    one_of("status", UNRESOLVED_STATUSES),
    one_of("type", PAYMENT_TYPES),
    one_of("reason", ("outcome_unknown", "overdue", "contradiction")),
    one_of("outcome", ("succeeded", "failed")),
    Index(None, "payment", unique=True),
    # The queue is read without the past.
    Index("unresolved_payments_queue_idx", "id", postgresql_where=text("status <> 'resolved'")),
)

# What was done about an unresolved payment, and by whom: never changed.
unresolved_payment_deeds = Table(
    "unresolved_payment_deeds",
    tenant,
    Column("id", Text(collation="C"), primary_key=True),
    _required("created", BigInteger),
    _required("unresolved_payment", Text(collation="C")),
    _required("action"),
    _required("by", JSONB),
    Column("outcome", Text),
    Column("provider_reference", Text),
    Column("reason", Text),
    _required("evidence", JSONB),  # what the provider had said last, or said now
    Index(None, "unresolved_payment", "id"),
    Index(None, "provider_reference"),
    info=APPEND_ONLY,
)

# What nobody could explain for an hour, counted each night.
open_counts = Table(
    "open_counts",
    tenant,
    Column("day", Date, primary_key=True),
    _required("counts", JSONB),  # by noun: how many, the oldest, the amount in each currency
    _required("restored", Integer),  # look-ups that nobody had planned any more
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
)

receipts = Table(
    "receipts",
    tenant,
    Column("charge", Text(collation="C"), primary_key=True),
    _required("number"),
    _required("object_key"),  # the key in the object store: the content's SHA-256
    _required("size", Integer),
    _required("renderer"),  # the renderer's version: a receipt is rebuilt only by the same one
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=NOW),
    info=APPEND_ONLY,
)

PROVIDER_ACCOUNT_STATES = ("active", "disabled", "deleted")

# A merchant's own accounts at payment providers.
provider_accounts = _object(
    "provider_accounts",
    _required("provider"),
    _required("status"),
    _required("sealed"),  # base64 of the credentials under AES-256-GCM
    _required("key_id"),
    one_of("status", PROVIDER_ACCOUNT_STATES),
)

# A merchant's wishes about which account takes which payment; the lowest position is asked first.
routing_rules = _object(
    "routing_rules",
    _required("position", Integer),
    _required("active", Boolean),
    Index(None, "position"),
)

# How far batches of RPC calls have come, for whoever asks; nothing else depends on it.
rpc_batch_parts = Table(
    "rpc_batch_parts",
    tenant,
    Column("batch", Text(collation="C"), primary_key=True),  # the name that its client gave it
    Column("first", BigInteger, primary_key=True, autoincrement=False),  # position of a call
    _required("calls", Integer),
    Column("failed", Integer),  # null until all of them are answered
    _required("created", BigInteger),
    Index(None, "created"),
)
