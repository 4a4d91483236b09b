"""Products, as the official SDK keeps them."""

from typing import Any

import pytest
import stripe
from live import Merchant


def test_a_product_is_made_changed_found_and_deleted(merchant: Merchant) -> None:
    made = merchant.api.products.create(
        {
            "name": "Sac",
            "description": "Toile",
            "images": ["https://example.com/sac.png"],
            "package_dimensions": {"height": 1.5, "length": 2, "weight": 3, "width": 4},
            "metadata": {"rayon": "2"},
        }
    )
    assert (made.name, made.active, made.default_price) == ("Sac", True, None)
    assert made.package_dimensions.height == 1.5
    changed = merchant.api.products.update(made.id, {"active": False, "description": ""})
    assert (changed.active, changed.description, changed.name) == (False, None, "Sac")
    found = merchant.api.products.search({"query": "active:'false' AND metadata['rayon']:'2'"})
    assert [each.id for each in found.data] == [made.id]
    assert [each.id for each in merchant.api.products.list({"active": True}).data] == []
    assert merchant.api.products.delete(made.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError) as gone:
        merchant.api.products.retrieve(made.id)
    assert gone.value.http_status == 404
    kinds = {event.type for event in merchant.api.events.list({"type": "product.*"}).data}
    assert kinds == {"product.created", "product.updated", "product.deleted"}


def test_a_merchant_may_choose_the_id_once(merchant: Merchant) -> None:
    assert merchant.api.products.create({"id": "sac-rouge", "name": "Sac"}).id == "sac-rouge"
    with pytest.raises(stripe.InvalidRequestError) as twice:
        merchant.api.products.create({"id": "sac-rouge", "name": "Sac"})
    assert twice.value.code == "resource_already_exists"


@pytest.mark.parametrize(
    ("parameters", "param"),
    [
        ({}, "name"),
        ({"name": "Sac", "id": "un id"}, "id"),
        ({"name": "Sac", "images": ["x"] * 9}, "images"),
        ({"name": "Sac", "package_dimensions": {"height": 1}}, "package_dimensions[length]"),
    ],
)
def test_a_wrong_product_is_refused(
    merchant: Merchant, parameters: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        merchant.api.products.create(parameters)
    assert refused.value.param == param
