"""The calls and pages of the Flutterwave sandbox, behind its gateway."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, get, post, put
from litestar.params import FromPath
from litestar.response import Redirect

from providers.sandbox.book import Book
from providers.sandbox.gateway import step_of

from .access import Tokens, decode, error, header
from .charges import Charges, Settings, Wish
from .pages import dashboard_page, no_such_page, payment_page
from .refunds import Refunds
from .refunds import Wish as RefundWish
from .tables import CODE, NETWORKS, OTHER_COUNTRIES, PAGE, PIN, SCENARIOS
from .webhooks import Webhooks

_REPEATED: Final = "repeated"  # by idempotency key: the first answer

_AnyRequest = Request[Any, Any, Any]
T = TypeVar("T")


class Nonce(msgspec.Struct):
    """An encrypted PIN; nobody decrypts it here."""

    nonce: Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9]{12}$")]
    encrypted_pin: Annotated[str, msgspec.Meta(min_length=1)]


class Otp(msgspec.Struct):
    """A one-time code; any is right."""

    code: Annotated[str, msgspec.Meta(pattern="^[0-9]{4,8}$")]


class Authorization(msgspec.Struct):
    """What the payer was asked for."""

    type: str
    pin: Nonce | None = None
    otp: Otp | None = None


class Update(msgspec.Struct):
    """The body of a PUT."""

    authorization: Authorization


class Service:
    """The sandbox PSP behind its gateway."""

    def __init__(self, book: Book, own_url: str, settings: Settings) -> None:
        self._book = book
        self.own_url = own_url
        self.tokens = Tokens(settings.token_lifetime)
        self.webhooks = Webhooks(book, settings.webhook_pause)
        self.charges = Charges(book, settings, self.webhooks)
        self.refunds = Refunds(book, settings, self.charges, self.webhooks)
        self._resumed = False

    def resume(self) -> None:
        """Go on, once, with what an earlier process began."""
        if not self._resumed:
            self._resumed = True
            self.charges.resume()
            self.refunds.resume()

    def authenticated(self, request: _AnyRequest, *, traced: bool = False) -> None:
        """Refuse whoever may not call; `traced`: or does not say X-Trace-Id."""
        self.resume()
        self.tokens.check(request)
        header(request, "X-Trace-Id", required=traced)

    async def charge(self, request: _AnyRequest) -> Response[Any]:
        """POST /orchestration/direct-charges."""
        self.authenticated(request, traced=True)
        if (earlier := self._earlier(request)) is not None:
            return earlier
        wish = decode(await request.body(), Wish)
        scenario = SCENARIOS.get(request.headers.get("X-Scenario-Key", ""))
        charge = self.charges.made(wish, scenario, step_of(request.scope))
        # Nothing is awaited from the look at key and reference to the writing of both.
        body = _success("Charge created", charge.shown(self.own_url))
        await self._book.write(self.charges.resources(charge) | _repeatable(request, body))
        self.charges.wait_for(charge)
        return Response(body, status_code=201)

    async def refund(self, request: _AnyRequest) -> Response[Any]:
        """POST /refunds."""
        self.authenticated(request, traced=True)
        if (earlier := self._earlier(request)) is not None:
            return earlier
        wish = decode(await request.body(), RefundWish)
        refund, charge = self.refunds.made(wish, step_of(request.scope))
        body = _success("Refund created", refund.shown())
        resources = self.refunds.resources(refund) | self.charges.resources(charge)
        await self._book.write(resources | _repeatable(request, body))
        self.refunds.wait_for(refund)
        return Response(body, status_code=201)

    async def update(self, request: _AnyRequest, identifier: str) -> dict[str, Any]:
        """PUT /charges/{id}: the payer's PIN or one-time code."""
        self.authenticated(request)
        charge = self.charges.find(identifier)
        if charge is None:
            raise error(404)
        given = decode(await request.body(), Update).authorization
        fits = {PIN: given.pin, CODE: given.otp}.get(charge.action) is not None
        if not fits or given.type != {PIN: "pin", CODE: "otp"}[charge.action]:
            raise error(400, {"authorization": "is not what this charge waits for"})
        charge = await self.charges.go_on(charge, step_of(request.scope))
        return _success("Charge updated", charge.shown(self.own_url))

    def _earlier(self, request: _AnyRequest) -> Response[Any] | None:
        key = header(request, "X-Idempotency-Key", required=False)
        earlier = None if key is None else self._book.resource(_REPEATED, key)
        if earlier is None:
            return None
        return Response(earlier, status_code=201, headers={"X-Idempotency-Cache-Hit": "true"})


def _repeatable(request: _AnyRequest, body: dict[str, Any]) -> dict[str, Any]:
    """The answer as the book keeps it for the request's idempotency key, if it has one."""
    key = header(request, "X-Idempotency-Key", required=False)
    return {} if key is None else {_REPEATED: {key: body}}


def routes(service: Service) -> list[Any]:
    """All handlers."""
    return [*_money(service), *_questions(service), *_pages(service)]


def _money(service: Service) -> list[Any]:
    """The calls that change something."""

    @post("/realms/flutterwave/protocol/openid-connect/token", status_code=200)
    async def token(request: _AnyRequest) -> dict[str, Any]:
        return service.tokens.issue(await request.body())

    @post("/orchestration/direct-charges")
    async def charge(request: _AnyRequest) -> Response[Any]:
        return await service.charge(request)

    @put("/charges/{identifier:str}")
    async def update(request: _AnyRequest, identifier: FromPath[str]) -> dict[str, Any]:
        return await service.update(request, identifier)

    @post("/refunds")
    async def refund(request: _AnyRequest) -> Response[Any]:
        return await service.refund(request)

    return [token, charge, update, refund]


def _questions(service: Service) -> list[Any]:
    """The calls that only ask."""

    @get("/charges")
    async def charges(request: _AnyRequest) -> dict[str, Any]:
        service.authenticated(request)
        found = service.charges.listed(request.query_params.get("reference"))
        return _page_of(found, lambda charge: charge.shown(service.own_url), request)

    @get("/charges/{identifier:str}")
    async def charge(request: _AnyRequest, identifier: FromPath[str]) -> dict[str, Any]:
        service.authenticated(request)
        found = service.charges.find(identifier)
        if found is None:
            raise error(404)
        return _success("Charge fetched", found.shown(service.own_url))

    @get("/refunds")
    async def refunds(request: _AnyRequest) -> dict[str, Any]:
        service.authenticated(request)
        return _page_of(service.refunds.listed(), service.refunds.shown, request)

    @get("/refunds/{identifier:str}")
    async def refund(request: _AnyRequest, identifier: FromPath[str]) -> dict[str, Any]:
        service.authenticated(request)
        found = service.refunds.find(identifier)
        if found is None:
            raise error(404)
        return _success("Refund fetched", found.shown())

    @get("/mobile-networks")
    async def networks(request: _AnyRequest) -> dict[str, Any]:
        service.authenticated(request)
        country = request.query_params.get("country", "")
        if country not in NETWORKS and country not in OTHER_COUNTRIES:
            raise error(400, {"country": "is not supported"})
        listed = [
            {"id": f"mob_{country}{short}", "network": short, "name": name}
            for short, name in NETWORKS.get(country, {}).items()
        ]
        return _success("Mobile networks fetched", listed)

    return [charges, charge, refunds, refund, networks]


def _pages(service: Service) -> list[Any]:
    """What payers and merchants see."""

    @get("/redirects/{page:str}", media_type="text/html")
    async def show(page: FromPath[str]) -> Response[str]:
        service.resume()
        charge = service.charges.paid_on(page)
        if charge is None or charge.action != PAGE:
            return Response(no_such_page(), status_code=404)
        return Response(payment_page(charge))

    @post("/redirects/{page:str}", media_type="text/html", status_code=200)
    async def pay(page: FromPath[str], request: _AnyRequest) -> Response[Any]:
        service.resume()
        charge = service.charges.paid_on(page)
        if charge is None or charge.action != PAGE:
            return Response(no_such_page(), status_code=404)
        refused = _form(await request.body()).get("action") == "refuse"
        outcome = "do_not_honor" if refused else None
        charge = await service.charges.go_on(charge, step_of(request.scope), outcome)
        if charge.redirect_url is None:
            return Response(payment_page(charge))
        return Redirect(charge.redirect_url, status_code=303)

    @get("/dashboard", media_type="text/html")
    async def dashboard() -> str:
        return dashboard_page(service.webhooks.url)

    @post("/dashboard", media_type="text/html", status_code=200)
    async def configure(request: _AnyRequest) -> str:
        await service.webhooks.set_url(_form(await request.body()).get("url", ""))
        return dashboard_page(service.webhooks.url)

    return [show, pay, dashboard, configure]


def _success(message: str, data: Any) -> dict[str, Any]:
    return {"status": "success", "message": message, "data": data}


def _page_of(
    found: Sequence[T], shown: Callable[[T], dict[str, Any]], request: _AnyRequest
) -> dict[str, Any]:
    """One page of a list, ten on each unless `size` says otherwise."""
    page = _number(request.query_params.get("page"), 1)
    size = _number(request.query_params.get("size"), 10)
    pages = {"total": len(found), "current_page": page, "total_pages": -(-len(found) // size)}
    body = _success("Fetched", [shown(each) for each in found[(page - 1) * size : page * size]])
    return body | {"meta": {"page_info": pages}}


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and int(text) > 0 else default


def _form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=50))
    except ValueError:
        return {}
