"""`/v1/customers/search`."""

from processor import search as language
from processor.customers.objects import Customer, render
from processor.operations import Object, Work
from processor.search import Search


async def search(work: Work, parameters: Search) -> Object:
    """Customers that match a query, newest first."""
    table = Customer.table
    return await language.page(
        work.connection,
        table,
        parameters,
        fields=language.columns(table, "email", "name", "phone", "created"),
        url="/v1/customers/search",
        render=lambda row: render(Customer.read(row), work.caller.livemode),
        where=[~table.c.deleted],
    )


__all__ = ["Search", "search"]
