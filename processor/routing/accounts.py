"""An account at a provider, as the engine uses it."""

from dataclasses import dataclass, field

from processor.breaker import Breaker
from processor.routing.gate import Gate
from providers.boundary import Balance, Provider

# After this long no process sends anything with credentials that were replaced: it has heard of the
# change, and what waited for its turn has left.
HANDOVER_SECONDS = 60

OPERATIONS = ("charge", "refund", "payout", "setup")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a provider takes from us for a payment in one currency."""

    basis_points: int = 0  # hundredths of a per cent
    fixed: int = 0  # minor units

    def of(self, amount: int) -> int:
        """The cost of a payment of `amount`, in ten-thousandths of a minor unit."""
        return amount * self.basis_points + self.fixed * 10_000


@dataclass(slots=True)
class Account:
    """One account at a provider, its bounds, and what is known of its health."""

    name: str  # stored with each charge: a tenant's `pa_...`, or a name of the installation's own
    type: str  # id in `providers.catalogue`
    provider: Provider
    livemode: bool
    # The provider's other product, where sending money out is one: refunds and payouts go there.
    disbursement: object | None = None
    owner: str | None = None  # the schema of the tenant whose account it is; None: the operator's
    concurrency: int = 64  # calls at once from one process
    calls_per_second: float | None = None  # from one process; None: as many as there are
    costs: dict[str, Cost] = field(default_factory=dict)  # by currency
    checks_wallets: bool = False  # ask whether a wallet exists before money is asked of it
    replaced_at: int = 0  # when its credentials were last replaced, in unix seconds
    disabled: str | None = None  # why nothing new goes there; what is under way is still looked up
    breakers: dict[str, Breaker] = field(init=False)  # by operation
    gate: Gate = field(init=False)
    float_seen: Balance | None = None
    float_until: float = 0.0  # of the monotonic clock

    def __post_init__(self) -> None:
        self.breakers = {operation: Breaker() for operation in OPERATIONS}
        self.gate = Gate(self.concurrency, self.calls_per_second, shared=self.owner is None)

    def remembers(self, sent: float) -> bool:
        """Whether "never seen it" can be believed about what was sent at this time, in unix
        seconds. Other credentials may be another account's, which knows nothing of what came
        before; and other processes go on with the old ones for a moment."""
        return sent > self.replaced_at + HANDOVER_SECONDS

    def state(self, operation: str) -> str:
        """What may be sent there: `closed`, `open`, `half_open`, or `disabled`."""
        return "disabled" if self.disabled is not None else self.breakers[operation].state
