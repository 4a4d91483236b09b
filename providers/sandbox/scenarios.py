"""Named ways for a provider to misbehave: scripts that a developer can ask for by one word."""

from dataclasses import dataclass

from .script import CallbackBehaviour, Fault, Rule, Script


@dataclass(frozen=True, slots=True)
class Scenario:
    """Rules to follow from now on, and what they amount to."""

    english: str
    french: str
    rules: tuple[Rule, ...] = ()
    outage: bool = False

    def begin(self, script: Script) -> None:
        """Follow the rules, after those that the script has already."""
        for rule in self.rules:
            script.add(rule)
        script.outage = script.outage or self.outage


def _next_charge(fault: Fault, seconds: float = 60.0) -> tuple[Rule, ...]:
    return (Rule(fault=fault, fault_seconds=seconds, times=1),)


def _callbacks(behaviour: CallbackBehaviour, seconds: float = 5.0) -> tuple[Rule, ...]:
    return (Rule(operation="*", callback=behaviour, callback_seconds=seconds),)


# Those of one charge end by themselves; the others when the script is cleared.
SCENARIOS = {
    "answer_lost": Scenario(
        "The next charge is accepted and never answered: 60 seconds of silence, then a reset.",
        "Le prochain paiement est accepté sans réponse : 60 secondes de silence, puis coupure.",
        _next_charge(Fault.TIMEOUT_AFTER_ACCEPTING),
    ),
    "dropped_after_accepting": Scenario(
        "The next charge is accepted, and the connection reset.",
        "Le prochain paiement est accepté, puis la connexion est coupée.",
        _next_charge(Fault.RESET_AFTER_ACCEPTING),
    ),
    "crashed_after_accepting": Scenario(
        "The next charge is accepted and answered with 500.",
        "Le prochain paiement est accepté, mais la réponse est une erreur 500.",
        _next_charge(Fault.ERROR_500_AFTER_ACCEPTING),
    ),
    "garbled_answer": Scenario(
        "The next charge is accepted and answered with a page that nobody can read.",
        "Le prochain paiement est accepté, mais la réponse est illisible.",
        _next_charge(Fault.UNPARSABLE_AFTER_ACCEPTING),
    ),
    "dropped_before_accepting": Scenario(
        "The connection of the next charge is reset before anything was done.",
        "La connexion du prochain paiement est coupée avant que rien ne soit fait.",
        _next_charge(Fault.RESET_BEFORE_ACCEPTING),
    ),
    "maintenance": Scenario(
        "Every call is answered with 503, and nothing is done.",
        "Chaque appel reçoit une erreur 503, et rien n'est fait.",
        (Rule(operation="*", fault=Fault.ERROR_503),),
    ),
    "slow": Scenario(
        "Every answer comes 8 seconds late.",
        "Chaque réponse arrive avec 8 secondes de retard.",
        (Rule(operation="*", fault=Fault.SLOW, fault_seconds=8),),
    ),
    "outage": Scenario(
        "Every connection is closed without an answer.",
        "Chaque connexion est fermée sans réponse.",
        outage=True,
    ),
    "slow_payers": Scenario(
        "Payers take 45 seconds to confirm.",
        "Les payeurs mettent 45 secondes à confirmer.",
        (Rule(delay=45),),
    ),
    "callbacks_lost": Scenario(
        "No callback is sent.",
        "Aucune notification n'est envoyée.",
        _callbacks(CallbackBehaviour.LOST),
    ),
    "callbacks_doubled": Scenario(
        "Every callback is sent twice.",
        "Chaque notification est envoyée deux fois.",
        _callbacks(CallbackBehaviour.DOUBLED),
    ),
    "callbacks_late": Scenario(
        "Every callback comes 30 seconds late.",
        "Chaque notification arrive avec 30 secondes de retard.",
        _callbacks(CallbackBehaviour.LATE, 30),
    ),
    "callbacks_reordered": Scenario(
        "A callback waits until the next one was sent, at most 30 seconds.",
        "Une notification attend que la suivante soit partie, 30 secondes au plus.",
        _callbacks(CallbackBehaviour.REORDERED, 30),
    ),
}
