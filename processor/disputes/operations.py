"""`/v1/disputes`."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from sqlalchemy import ColumnElement

from processor import lists
from processor.disputes import settlement
from processor.disputes.objects import (
    FILES,
    LONGEST_EVIDENCE,
    TEXTS,
    TRANSITIONS,
    Dispute,
    DisputeStatus,
)
from processor.errors import InvalidRequest, missing, not_found
from processor.events.log import Draft, changed
from processor.files.objects import File
from processor.operations import Object, Operation, Work
from processor.parameters import (
    Id,
    ListParameters,
    MetadataUpdate,
    Parameters,
    merged_metadata,
)
from tenants.tables import disputes as table

_Text = Annotated[str, Meta(max_length=20_000)] | None | UnsetType
_File = Id | None | UnsetType

Evidence = msgspec.defstruct(
    "Evidence",
    [(name, _Text, UNSET) for name in TEXTS] + [(name, _File, UNSET) for name in FILES],
    forbid_unknown_fields=True,
    module=__name__,
)
Evidence.__doc__ = "What the merchant says, in sentences and in uploaded files."

# In test mode these words decide, as they do at Stripe.
TEST_VERDICTS: dict[str, DisputeStatus] = {
    "winning_evidence": "won",
    "losing_evidence": "lost",
}


class Update(Parameters, kw_only=True):
    """Evidence, sent to the bank at once unless `submit` is false."""

    dispute: Id
    evidence: Evidence | UnsetType = UNSET  # type: ignore[valid-type]  # made by defstruct
    metadata: MetadataUpdate = UNSET
    submit: bool = True


class Retrieve(Parameters, kw_only=True):
    """Which dispute."""

    dispute: Id


class Close(Parameters, kw_only=True):
    """Which dispute."""

    dispute: Id


class List(ListParameters, kw_only=True):
    """Filter by charge or payment intent."""

    charge: Id | None = None
    payment_intent: Id | None = None


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One dispute."""
    return await _shown(work, await _found(work, parameters.dispute))


async def update(work: Work, parameters: Update) -> Object:
    """Add evidence, and send it off unless it is to be kept back."""
    dispute = await _found(work, parameters.dispute, "for update")
    before = await _shown(work, dispute)
    dispute.metadata = merged_metadata(dispute.metadata, parameters.metadata)
    given = _given(parameters)
    if given:
        _check_open(dispute)
        await _check_files(work, given)
        _merge(dispute, given)
    if given and parameters.submit:
        dispute.details.submission_count += 1
        await _submit(work, dispute)
        return await _shown(work, dispute)
    dispute.version += 1
    await Dispute.update(work.connection, [dispute])
    after = await _shown(work, dispute)
    if previous := changed(before, after):
        work.events.append(
            Draft("charge.dispute.updated", after, dispute.version, work.request, previous)
        )
    return after


async def close(work: Work, parameters: Close) -> Object:
    """Give a dispute up: the payer keeps the money, for good."""
    dispute = await _found(work, parameters.dispute, "for update")
    _check_open(dispute)
    work.events += await settlement.decide(
        work.connection, work.caller.livemode, dispute, "lost", work.request
    )
    return await _shown(work, dispute)


async def list_(work: Work, parameters: List) -> Object:
    """A page of disputes, newest first."""
    where: list[ColumnElement[bool]] = []
    if parameters.charge is not None:
        where.append(table.c.charge == parameters.charge)
    if parameters.payment_intent is not None:
        where.append(table.c.payment_intent == parameters.payment_intent)
    found: list[Dispute] = []

    def read(row: Any) -> Object:
        found.append(Dispute.read(row))
        return {}

    shown = await lists.page(
        work.connection,
        table,
        parameters,
        kind="dispute",
        url="/v1/disputes",
        render=read,
        where=where,
    )
    if parameters.ending_before is not None:
        found.reverse()
    shown["data"] = [await _shown(work, dispute) for dispute in found]
    return shown


async def load(work: Work, ids: list[str]) -> dict[str, Object]:
    """Dispute objects by id, for expansion."""
    rows = await Dispute.fetch(work.connection, ids)
    return {row.id: await _shown(work, row) for row in rows}


async def _submit(work: Work, dispute: Dispute) -> None:
    """Send the evidence to the bank; in test mode its words are the verdict."""
    words = dispute.details.evidence.get("uncategorized_text", "")
    verdict = None if work.caller.livemode else TEST_VERDICTS.get(words)
    if dispute.status == "needs_response":
        work.events += await settlement.decide(
            work.connection, work.caller.livemode, dispute, "under_review", work.request
        )
    else:
        dispute.version += 1
        await Dispute.update(work.connection, [dispute])
    if verdict is not None:
        work.events += await settlement.decide(
            work.connection, work.caller.livemode, dispute, verdict, work.request
        )


def _given(parameters: Update) -> dict[str, str | None]:
    if parameters.evidence is UNSET:
        return {}
    values = msgspec.structs.asdict(parameters.evidence)
    return {name: value for name, value in values.items() if value is not UNSET}


def _merge(dispute: Dispute, given: dict[str, str | None]) -> None:
    merged = dispute.details.evidence | given
    evidence = {name: value for name, value in merged.items() if value is not None}
    if sum(map(len, evidence.values())) > LONGEST_EVIDENCE:
        raise InvalidRequest(
            f"All evidence together may have {LONGEST_EVIDENCE} characters.", param="evidence"
        )
    dispute.details.evidence = evidence


async def _check_files(work: Work, given: dict[str, str | None]) -> None:
    for name in FILES:
        identifier = given.get(name)
        if identifier is None:
            continue
        file = await File.find(work.connection, identifier)
        if file is None:
            raise missing("file upload", identifier, f"evidence[{name}]")
        if file.purpose != "dispute_evidence":
            raise InvalidRequest(
                "The file's purpose must be dispute_evidence.", param=f"evidence[{name}]"
            )


def _check_open(dispute: Dispute) -> None:
    if not TRANSITIONS[dispute.status]:
        raise InvalidRequest(f"This dispute is already closed: it was {dispute.status}.")


async def _shown(work: Work, dispute: Dispute) -> Object:
    return await settlement.shown_with_transactions(work.connection, work.caller.livemode, dispute)


async def _found(work: Work, identifier: str, tail: str = "") -> Dispute:
    dispute = await Dispute.find(work.connection, identifier, tail)
    if dispute is None:
        raise not_found("dispute", identifier)
    return dispute


OPERATIONS = [
    Operation(
        name="disputes.retrieve",
        method="GET",
        path="/v1/disputes/{dispute}",
        parameters=Retrieve,
        returns="dispute",
        summary="Retrieve a dispute",
        read=retrieve,
    ),
    Operation(
        name="disputes.update",
        method="POST",
        path="/v1/disputes/{dispute}",
        parameters=Update,
        returns="dispute",
        summary="Answer a dispute with evidence",
        write=update,
    ),
    Operation(
        name="disputes.close",
        method="POST",
        path="/v1/disputes/{dispute}/close",
        parameters=Close,
        returns="dispute",
        summary="Give a dispute up",
        write=close,
    ),
    Operation(
        name="disputes.list",
        method="GET",
        path="/v1/disputes",
        parameters=List,
        returns="list:dispute",
        summary="List disputes, newest first",
        read=list_,
    ),
]
