"""The Universal Commerce Protocol's discovery and catalogue, in the shapes of its SDK (``ucp-sdk``, of 2026-08-25).

What fails inside the protocol is answered with 200 and ``ucp.status`` ``error``, as it demands; a request that is none
is a problem document, as everywhere.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from ucp_sdk.models.schemas.common.types.error_response import ErrorResponse
from ucp_sdk.models.schemas.profile import BusinessSchema as Profile
from ucp_sdk.models.schemas.shopping.catalog_lookup import GetProductResponse, LookupResponse
from ucp_sdk.models.schemas.shopping.catalog_search import SearchRequest, SearchResponse

from serving.agents.answers import Item
from serving.agents.desk import AgentDesk
from serving.agents.services import RefusedError
from serving.agents.visits import Visitor
from serving.http.problems import ProblemError

VERSION: Final = "2026-08-25"
SEARCH: Final = "dev.ucp.shopping.catalog.search"
LOOKUP: Final = "dev.ucp.shopping.catalog.lookup"
SITE: Final = f"https://ucp.dev/{VERSION}"
DEFAULT_LIMIT: Final = 10
MAX_RESULTS: Final = 100
"""Results that can be paged through; the search service gives no more at once."""
MAX_IDS: Final = 100

# ISO 4217: every other currency has hundredths.
_WITHOUT_MINOR: Final = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())  # noqa: SIM905
_THOUSANDTHS: Final = frozenset("BHD IQD JOD KWD LYD OMR TND".split())  # noqa: SIM905

Document = dict[str, Any]


def profile(endpoint: str) -> Document:
    """Return the document of ``/.well-known/ucp``: the catalogue over REST, and neither cart nor checkout.

    Args:
        endpoint: the address below which the catalogue's routes are.
    """
    document = {
        "ucp": {
            "version": VERSION,
            "services": {
                "dev.ucp.shopping": [
                    {
                        "version": VERSION,
                        "spec": f"{SITE}/specification/overview",
                        "transport": "rest",
                        "schema": f"{SITE}/services/shopping/rest.openapi.json",
                        "endpoint": endpoint,
                    }
                ]
            },
            "capabilities": {
                name: [
                    {
                        "version": VERSION,
                        "spec": f"{SITE}/specification/shopping/catalog/{short}",
                        "schema": f"{SITE}/schemas/shopping/catalog_{short}.json",
                    }
                ]
                for name, short in ((SEARCH, "search"), (LOOKUP, "lookup"))
            },
            "payment_handlers": {},
        }
    }
    Profile.model_validate(document)
    return document


async def search(desk: AgentDesk, visitor: Visitor, request: SearchRequest) -> Document:
    """Return the products that fit a query and filters; without a query, all that the filters let by."""
    asked = request.pagination.limit if request.pagination and request.pagination.limit else DEFAULT_LIMIT
    limit = min(asked, MAX_RESULTS)
    first = _offset(request.pagination.cursor if request.pagination else None)
    limit = min(limit, MAX_RESULTS - first)
    filters, messages = _filters(desk, request)
    try:
        if request.query and request.query.strip():
            answer = await desk.search(visitor, request.query.strip()[:300], filters=filters, num_results=first + limit)
            items, total = [hit.item for hit in answer.items if hit.rank > first], answer.total
            messages += [_message("info", "relaxed", f"Given up: {wish}") for wish in answer.relaxed]
            if answer.fallback == "best_sellers":
                messages.append(_message("warning", "nothing_found", "Nothing fits the query: these are best sellers."))
        else:
            items, total = desk.browse(filters, first=first, limit=limit)
    except RefusedError as error:
        return _refused(SEARCH, error)
    more = first + limit < min(total, MAX_RESULTS)
    document = {
        "ucp": _envelope(SEARCH),
        "products": [_product(item) for item in items if _has_price(item)],
        "pagination": {"has_next_page": more, "total_count": total, **({"cursor": str(first + limit)} if more else {})},
        "messages": messages + _without_price(items),
    }
    return _checked(SearchResponse, document)


def look_up(desk: AgentDesk, visitor: Visitor, ids: Sequence[str]) -> Document:
    """Return products by their ids; those that there are none of are named in a message.

    Raises:
        ProblemError: more than :data:`MAX_IDS` are asked for.
    """
    if len(ids) > MAX_IDS:
        raise ProblemError(400, f"At most {MAX_IDS} ids at once.", code="request_too_large")
    items = [Item.model_validate(good) for good in desk.look_up(visitor, ids)]
    missing = [one for one in dict.fromkeys(ids) if one not in {item.item_id for item in items}]
    document = {
        "ucp": _envelope(LOOKUP),
        "products": [_product(item, asked=True) for item in items if _has_price(item)],
        "messages": [_message("info", "not_found", one) for one in missing] + _without_price(items),
    }
    return _checked(LookupResponse, document)


def get_product(desk: AgentDesk, visitor: Visitor, item_id: str) -> Document:
    """Return one product in full."""
    items = [Item.model_validate(good) for good in desk.look_up(visitor, [item_id])]
    if not items:
        return _refused(LOOKUP, RefusedError("not_found", f"Product not found: {item_id}"))
    if not _has_price(items[0]):
        words = f"The shop names no price and currency of {item_id}."
        return _refused(LOOKUP, RefusedError("item_unavailable", words))
    return _checked(GetProductResponse, {"ucp": _envelope(LOOKUP), "product": _product(items[0])})


def minor_units(amount: float, currency: str) -> int:
    """Return an amount in the currency's smallest unit.

    >>> minor_units(19.99, "EUR"), minor_units(500, "JPY"), minor_units(1.5, "KWD")
    (1999, 500, 1500)
    """
    return int((Decimal(str(amount)) * _per_major(currency)).to_integral_value())


def _per_major(currency: str) -> int:
    return 1 if currency in _WITHOUT_MINOR else 1000 if currency in _THOUSANDTHS else 100


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or not 0 < int(cursor) < MAX_RESULTS:
        raise ProblemError(400, "This cursor is of no answer of this service.", code="invalid_cursor")
    return int(cursor)


def _filters(desk: AgentDesk, request: SearchRequest) -> tuple[Document, list[Document]]:
    """Return the services' filter, and what is said of wishes that could not be kept."""
    wanted: Document = {}
    if request.filters is None:
        return wanted, []
    if request.filters.categories:
        wanted["category"] = {"any_of": request.filters.categories}
    price = request.filters.price
    if price is None or (price.min is None and price.max is None):
        return wanted, []
    currency = desk.currency
    asked = request.context.currency if request.context else None
    if currency is None or (asked is not None and asked != currency):
        ours = currency or "several currencies"
        words = f"The price filter is not applied: it is in {asked or 'no currency'}, and prices are in {ours}."
        return wanted, [_message("warning", "price_filter_ignored", words)]
    bounds = {"gte": price.min, "lte": price.max}
    wanted["price"] = {name: value / _per_major(currency) for name, value in bounds.items() if value is not None}
    return wanted, []


def _product(item: Item, *, asked: bool = False) -> Document:
    """Return an item as a product with one variant; where it was asked for by its id, the variant says so."""
    assert item.price is not None
    assert item.currency is not None
    price = {"amount": minor_units(item.price, item.currency), "currency": item.currency}
    description = {"plain": item.description or item.title}
    variant: Document = {
        "id": item.item_id,
        "title": item.title,
        "description": description,
        "price": price,
        "availability": {"available": item.in_stock, "status": "in_stock" if item.in_stock else "out_of_stock"},
    }
    if asked:
        variant["inputs"] = [{"id": item.item_id, "match": "exact"}]
    return {
        "id": item.item_id,
        "title": item.title,
        "description": description,
        "price_range": {"min": price, "max": price},
        "variants": [variant],
        **({"categories": [{"value": item.category, "taxonomy": "merchant"}]} if item.category else {}),
        **({"metadata": {"brand": item.brand}} if item.brand else {}),
    }


def _has_price(item: Item) -> bool:
    return item.price is not None and item.price >= 0 and item.currency is not None


def _without_price(items: Sequence[Item]) -> list[Document]:
    left_out = [item.item_id for item in items if not _has_price(item)]
    words = f"Left out, for the shop names no price and currency of them: {', '.join(left_out)}."
    return [_message("warning", "price_missing", words)] if left_out else []


def _message(kind: str, code: str, content: str) -> Document:
    return {"type": kind, "code": code, "content": content}


def _envelope(capability: str, status: str = "success") -> Document:
    return {"version": VERSION, "status": status, "capabilities": {capability: [{"version": VERSION}]}}


def _refused(capability: str, error: RefusedError) -> Document:
    severity = "recoverable" if error.code == "service_unavailable" else "unrecoverable"
    message = {**_message("error", error.code, error.words), "severity": severity}
    return _checked(ErrorResponse, {"ucp": _envelope(capability, "error"), "messages": [message]})


def _checked(shape: Any, document: Mapping[str, Any]) -> Document:
    """Return a document without what is empty; it fits the SDK's model, or this raises."""
    answer = {name: value for name, value in document.items() if name != "messages" or value}
    shape.model_validate(answer)
    return answer
