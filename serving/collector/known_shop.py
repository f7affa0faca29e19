"""What the warehouse, and requests since its last build, say of the people and the money of collected events."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb

from shopsight.clock import utc_now
from shopsight.currency_rates import read_currency_rates
from shopsight.errors import ShopsightError
from shopsight.marts import MANIFEST, export_path, mart_at, mart_exists, open_duckdb
from shopsight.refusals import read_refusals
from shopsight.settings import Settings
from shopsight.whole_files import version_of

LOOK_AGAIN_SECONDS: Final = 1.0
"""How often it is looked whether the warehouse was built, or somebody took back consent."""
FOUR_PLACES: Final = Decimal("0.0001")

LINKS: Final = "select anonymous_id, user_id from ({}) where status in ('linked', 'shared')"
BOTS: Final = "select user_id from ({}) where is_bot"
CURRENCIES: Final = """
    select currency from ({}) where currency is not null group by currency order by count(*) desc, currency desc limit 1
"""


@dataclass(frozen=True, kw_only=True)
class Money:
    """Amounts in the reporting currency, as the warehouse converts them."""

    currency: str | None = None
    """The reporting currency; None where no order says one: every amount is in it."""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    rates: Mapping[str, Sequence[tuple[date, Decimal]]] = field(default_factory=dict)
    """Of each other currency its rates, each with the day that it holds from, in order."""

    def converted(self, amount: Decimal, currency: str | None, at: datetime) -> Decimal | None:
        """Return an amount of a moment, to four places; None where its currency has no rate by then."""
        if currency is None or self.currency is None or currency == self.currency:
            return amount.quantize(FOUR_PLACES)
        day = at.astimezone(self.zone).date()
        rate = next((rate for start, rate in reversed(self.rates.get(currency, ())) if start <= day), None)
        return None if rate is None else (amount * rate).quantize(FOUR_PLACES)


@dataclass(frozen=True, kw_only=True)
class KnownShop:
    """One state of it."""

    refused: frozenset[str] = frozenset()
    """Shoppers who forbid personal use, and bots."""
    links: Mapping[str, str] = field(default_factory=dict)
    """The shopper of each device that is linked to one; of a device that several share, itself."""
    money: Money = field(default_factory=Money)


def read_known_shop(settings: Settings) -> KnownShop:
    """Read what the last build and the requests since say; of what is not there yet, nothing is known."""
    with open_duckdb() as connection:

        def rows(mart: str, query: str) -> list[Any]:
            path = export_path(settings, mart)
            return connection.execute(query.format(mart_at(path).rows())).fetchall() if mart_exists(path) else []

        links: dict[str, str] = dict(rows("identities", LINKS))
        bots = {user for (user,) in rows("users", BOTS)}
        currencies = [currency for (currency,) in rows("orders", CURRENCIES)]
    money = Money(
        currency=settings.currency or next(iter(currencies), None),
        zone=ZoneInfo(settings.zone),
        rates=read_currency_rates(settings.currency_rates_path),
    )
    refused = read_refusals(settings).users | bots
    return KnownShop(refused=frozenset(refused), links=links, money=money)


class KnownShopReader:
    """Reads it anew, in a thread of its own, when there is something new; :attr:`shop` is the newest state."""

    def __init__(self, settings: Settings, *, on_new: Callable[[KnownShop, KnownShop], None]) -> None:
        """Read it for the first time; ``on_new`` is called with the state before and the new one."""
        self._settings = settings
        self._on_new = on_new
        self._over = threading.Event()
        self.failure: str | None = None
        """Why the newest state could not be read; None while all is well."""
        self._version = self._newest_version()
        self.shop = self._read() or KnownShop()
        self._thread = threading.Thread(target=self._watch, name="reading the known shop", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_AGAIN_SECONDS):
            version = self._newest_version()
            if version == self._version:
                continue
            new = self._read()
            if new is not None:
                before, self.shop, self._version = self.shop, new, version
                self._on_new(before, new)

    def _read(self) -> KnownShop | None:
        try:
            shop = read_known_shop(self._settings)
        except (ShopsightError, OSError, ValueError, duckdb.Error) as error:
            self.failure = f"{type(error).__name__}: {error}"
            return None
        self.failure = None
        return shop

    def _newest_version(self) -> object:
        """Return what changes with a build of the warehouse and with whatever lands in the log, requests included."""
        manifest = self._settings.exports_dir / MANIFEST
        today = self._settings.event_log_dir / f"arrival_date={utc_now().date()}"
        return version_of(manifest), version_of(today), version_of(self._settings.currency_rates_path)
