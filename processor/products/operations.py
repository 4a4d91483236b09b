"""`/v1/products`. Prices come with the catalogue; until then a product has none."""

import time
from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy import ColumnElement

from processor import lists
from processor import search as language
from processor.errors import InvalidRequest, not_found
from processor.events.log import Draft, changed
from processor.operations import Object, Operation, Work
from processor.parameters import merged_metadata
from processor.products.objects import Product, ProductDetails, render
from processor.products.parameters import Create, Delete, Fields, List, Retrieve, Update
from processor.search import Search
from tenants.ids import new_id
from tenants.tables import products as table


async def create(work: Work, parameters: Create) -> Object:
    """Make a product."""
    now = int(time.time())
    product = Product(
        id=parameters.id or new_id("prod"),
        created=now,
        updated=now,
        name=parameters.name,
        type=parameters.type,
        metadata=parameters.metadata or {},
    )
    _apply(product, parameters)
    if not await Product.insert_new(work.connection, product):
        raise InvalidRequest(
            f"Product already exists: '{product.id}'", code="resource_already_exists", param="id"
        )
    shown = render(product, work.caller.livemode)
    work.events.append(Draft("product.created", shown, product.version, work.request))
    return shown


async def retrieve(work: Work, parameters: Retrieve) -> Object:
    """One product."""
    return render(await _found(work, parameters.product), work.caller.livemode)


async def update(work: Work, parameters: Update) -> Object:
    """Change a product."""
    product = await _found(work, parameters.product, "for update")
    before = render(product, work.caller.livemode)
    _apply(product, parameters)
    if parameters.name is not UNSET:
        product.name = parameters.name
    product.metadata = merged_metadata(product.metadata, parameters.metadata)
    if changed(before, render(product, work.caller.livemode)):
        product.updated = int(time.time())
        product.version += 1
        await Product.update(work.connection, [product])
        after = render(product, work.caller.livemode)
        previous = changed(before, after)
        work.events.append(Draft("product.updated", after, product.version, work.request, previous))
    return render(product, work.caller.livemode)


async def delete(work: Work, parameters: Delete) -> Object:
    """Delete a product for good."""
    product = await _found(work, parameters.product, "for update")
    await work.connection.execute("delete from products where id = $1", product.id)
    shown = render(product, work.caller.livemode)
    work.events.append(Draft("product.deleted", shown, product.version + 1, work.request))
    return {"id": product.id, "object": "product", "deleted": True}


async def list_(work: Work, parameters: List) -> Object:
    """A page of products, newest first."""
    where: list[ColumnElement[bool]] = []
    if parameters.active is not None:
        where.append(table.c.active == parameters.active)
    if parameters.ids is not None:
        where.append(table.c.id.in_(parameters.ids))
    if parameters.type is not None:
        where.append(table.c.type == parameters.type)
    if parameters.url is not None:
        where.append(table.c.details["url"].astext == parameters.url)
    if parameters.shippable is not None:
        where.append(table.c.details["shippable"].astext == str(parameters.shippable).lower())
    return await lists.page(
        work.connection,
        table,
        parameters,
        kind="product",
        url="/v1/products",
        render=lambda row: render(Product.read(row), work.caller.livemode),
        where=where,
    )


async def search(work: Work, parameters: Search) -> Object:
    """Products that match a query, newest first."""
    return await language.page(
        work.connection,
        table,
        parameters,
        fields=language.columns(table, "active", "name"),
        url="/v1/products/search",
        render=lambda row: render(Product.read(row), work.caller.livemode),
    )


async def load(work: Work, ids: list[str]) -> dict[str, Object]:
    """Product objects by id, for expansion."""
    rows = await Product.fetch(work.connection, ids)
    return {row.id: render(row, work.caller.livemode) for row in rows}


async def _found(work: Work, identifier: str, tail: str = "") -> Product:
    product = await Product.find(work.connection, identifier, tail)
    if product is None:
        raise not_found("product", identifier)
    return product


def _apply(product: Product, parameters: Fields) -> None:
    """Write the given members into the row."""
    if parameters.active is not UNSET:
        product.active = parameters.active
    given: dict[str, Any] = {}
    for name in ProductDetails.__struct_fields__:
        value = getattr(parameters, name, UNSET)
        if value is not UNSET:
            given[name] = msgspec.to_builtins(value)
    for name in ("images", "marketing_features"):
        if name in given and given[name] is None:
            given[name] = []
    product.details = msgspec.structs.replace(product.details, **given)


OPERATIONS = [
    Operation(
        name="products.create",
        method="POST",
        path="/v1/products",
        parameters=Create,
        returns="product",
        summary="Create a product",
        write=create,
    ),
    Operation(
        name="products.search",
        method="GET",
        path="/v1/products/search",
        parameters=Search,
        returns="search_result:product",
        summary="Search products by name, activity or metadata",
        read=search,
    ),
    Operation(
        name="products.retrieve",
        method="GET",
        path="/v1/products/{product}",
        parameters=Retrieve,
        returns="product",
        summary="Retrieve a product",
        read=retrieve,
    ),
    Operation(
        name="products.update",
        method="POST",
        path="/v1/products/{product}",
        parameters=Update,
        returns="product",
        summary="Update a product",
        write=update,
    ),
    Operation(
        name="products.delete",
        method="DELETE",
        path="/v1/products/{product}",
        parameters=Delete,
        returns="deleted_product",
        summary="Delete a product",
        write=delete,
    ),
    Operation(
        name="products.list",
        method="GET",
        path="/v1/products",
        parameters=List,
        returns="list:product",
        summary="List products, newest first",
        read=list_,
    ),
]
