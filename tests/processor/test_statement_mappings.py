"""What each mapping makes of a provider's own export."""

import pytest

from processor.reconciliation.mappings import MAPPINGS
from processor.reconciliation.statements import Line, StatementError, read

MTN = """\ufeffId,External id,Date,Status,Type,Amount,Currency
8801,py_1,2026-11-20 10:00:00,Successful,Payment,5000,XAF
8802,re_1,2026-11-20 10:00:01,SUCCESSFUL,Refund,-700.00,XAF
8803,po_1,2026-11-20 10:00:02,Failed,Transfer,900,XAF
"""

STRIPE = """created_utc,currency,gross,reporting_category,source_id,payment_metadata[reference]
2026-11-20 10:00:00,eur,12.50,charge,ch_theirs,our-reference
2026-11-20 10:00:01,eur,-2.5,refund,re_theirs,
"""

TEN = 1_795_168_800  # 2026-11-20 10:00:00 UTC


def test_an_export_of_mtn() -> None:
    assert read(MTN.encode(), MAPPINGS["mtn"]) == [
        Line(2, None, "py_1", "8801", 5000, "xaf", "collection", True, TEN),
        Line(3, None, "re_1", "8802", 700, "xaf", "refund", True, TEN + 1),
        Line(4, None, "po_1", "8803", 900, "xaf", "payout", False, TEN + 2),
    ]


def test_a_report_of_stripe() -> None:
    assert read(STRIPE.encode(), MAPPINGS["stripe"]) == [
        Line(2, "our-reference", None, "ch_theirs", 1250, "eur", "collection", True, TEN),
        Line(3, None, None, "re_theirs", 250, "eur", "refund", True, TEN + 1),
    ]


@pytest.mark.parametrize("amount", ["5,000", "1e3", "5000.5", "٥٠٠", "NaN", "", "--5", "9" * 16])
def test_an_amount_is_never_guessed(amount: str) -> None:
    wrong = MTN.replace(",5000,", f',"{amount}",')
    with pytest.raises(StatementError) as refused:
        read(wrong.encode(), MAPPINGS["mtn"])
    assert [each.line for each in refused.value.errors] == [2]


def test_every_mapping_knows_its_columns() -> None:
    for mapping in MAPPINGS.values():
        assert mapping.reference or mapping.external_id or mapping.provider_reference
        assert len(set(mapping.columns)) == len(mapping.columns)
        assert (mapping.status is None) == (not mapping.statuses)
