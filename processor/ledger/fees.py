"""What a charge costs the merchant, and when its money can be paid out."""

import time
from dataclasses import dataclass, field

from processor.ledger.posting import FeeDetail
from tenants.database import Database

DAY = 86_400

# How long a process remembers the plans: a change takes effect within this many seconds.
CACHE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One row of `platform.price_plans`."""

    basis_points: int
    fixed: int
    minimum: int | None
    maximum: int | None
    tax_basis_points: int
    settlement_days: int
    schema: str | None = None  # of the tenant; a plan for everybody has none
    provider: str | None = None
    method: str | None = None
    currency: str | None = None

    def fits(self, schema: str, provider: str, method: str, currency: str) -> bool:
        """Whether this row speaks of such a charge."""
        return (
            self.schema in (None, schema)
            and self.provider in (None, provider)
            and self.method in (None, method)
            and self.currency in (None, currency)
        )

    @property
    def weight(self) -> tuple[bool, bool, bool, bool]:
        """How specific it is: the tenant counts most, then provider, method, currency."""
        return (
            self.schema is not None,
            self.provider is not None,
            self.method is not None,
            self.currency is not None,
        )

    def fee(self, amount: int) -> tuple[FeeDetail, ...]:
        """The fee on `amount` with its tax, in minor units, rounded half up, below the amount."""
        fee = self.fixed + _share(amount, self.basis_points)
        if self.minimum is not None:
            fee = max(fee, self.minimum)
        if self.maximum is not None:
            fee = min(fee, self.maximum)
        # Tiny amounts: the merchant keeps at least one unit of what the fee and its tax leave.
        fee = min(fee, (amount - 1) * 10_000 // (10_000 + self.tax_basis_points))
        tax = _share(fee, self.tax_basis_points)
        details = [FeeDetail(fee, "stripe_fee", "CPay processing fees")] if fee else []
        if tax:
            rate = f"{self.tax_basis_points / 100:g}"
            details.append(FeeDetail(tax, "tax", f"VAT {rate} % on fees"))
        return tuple(details)

    def available_on(self, now: int) -> int:
        """When money charged now can be paid out, in unix seconds: midnight UTC of the day."""
        if self.settlement_days == 0:
            return now
        return (now // DAY + self.settlement_days) * DAY


# What holds when the operator has set nothing.
DEFAULTS = (
    Plan(290, 0, None, None, 1925, 2, method="card"),
    Plan(290, 0, None, None, 1925, 2, method="hosted_card"),
    Plan(390, 0, None, None, 1925, 2, method="paypal"),
    Plan(150, 0, None, None, 1925, 1, method="mobile_money"),
)


_PLANS = """
select basis_points, fixed, minimum, maximum, tax_basis_points, settlement_days,
       s.schema_name as schema, provider, method, currency
from platform.price_plans p left join platform.tenant_schemas s on s.tenant = p.tenant
"""


@dataclass
class PriceBook:
    """The plans of an installation."""

    database: Database
    _plans: list[Plan] = field(default_factory=list)
    _until: float = 0.0
    _found: dict[tuple[str, str, str, str], Plan] = field(default_factory=dict)

    async def plan(self, schema: str, provider: str, method: str, currency: str) -> Plan:
        """The most specific plan for such a charge."""
        if time.monotonic() >= self._until:
            rows = await self.database.fetch_platform(_PLANS)
            self._plans = [Plan(**row) for row in rows]
            self._found = {}
            self._until = time.monotonic() + CACHE_SECONDS
        asked = (schema, provider, method, currency)
        if asked not in self._found:
            fitting = [each for each in (*self._plans, *DEFAULTS) if each.fits(*asked)]
            self._found[asked] = max(fitting, key=lambda each: each.weight)
        return self._found[asked]


def _share(amount: int, basis_points: int) -> int:
    """Hundredths of a per cent of an amount, rounded half up."""
    return (amount * basis_points + 5_000) // 10_000
