"""How big a sample shop is, and how dirty."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shopsight.settings import Size

DEFAULT_ENDS_AT: Final = datetime(2026, 10, 31, tzinfo=UTC)
"""Midnight after the last generated day: fixed, so that a seed gives the same shop on any day it is run."""

FOREIGN_CURRENCIES: Final = {"GBP": "GB", "PLN": "PL", "CNY": "CN"}
"""Currencies that a shop may take beside the euro, with the country whose shoppers pay in them."""

BOT_SESSIONS: Final = 2.0
"""Sessions of a crawler on average."""
BOT_SESSION_EVENTS: Final = 265
"""Rows of a crawler's session on average."""


@dataclass(frozen=True, kw_only=True)
class SampleShopConfig:
    """Size and blemishes of a generated shop; the seed is an argument of ``generate``."""

    users: int
    """Shoppers, bots and the hero included."""
    items: int
    """Items in the catalogue."""
    events: int
    """Rows aimed at, blemishes included; a generated shop comes within about a tenth of it."""
    days: int
    """Days of history that end at ``ends_at``."""
    ends_at: datetime = DEFAULT_ENDS_AT
    """Nothing happens at or after this midnight (UTC); late rows may still arrive after it."""
    duplicate_share: float = 0.01
    """Share of rows that are sent a second time, byte for byte."""
    late_share: float = 0.015
    """Share of rows that arrive hours or days after they happened."""
    malformed_share: float = 0.003
    """Share of rows that break the canonical event's contract."""
    labelled_share: float = 0.3
    """Share of utterances whose true intent the shop wrote into ``properties``."""
    passer_by_sessions: float = 3.8
    """Visits of passers-by for each visit of a shopper: devices that nobody knows, most of which look once."""
    bot_share: float = 0.005
    """Share of shoppers that are crawlers; never fewer than two."""
    currencies: tuple[str, ...] = ()
    """Currencies beside the euro that shoppers of their countries pay in: any of GBP, PLN and CNY."""
    taste_changes_on: int | None = None
    """Day of the history from which shoppers want the goods of another shelf, and what few wanted before; None: never.
    """
    zone: str = "UTC"
    """Time zone of the shoppers: their evenings are evenings there. Days of the history end at midnight of UTC."""
    block_events: int = 100_000
    """Rows that one batch of ``event_batches`` aims at: memory grows with it, not with ``events``."""

    def __post_init__(self) -> None:
        """Refuse sizes that the generator cannot honour."""
        if self.users < 50 or self.items < 120 or self.days < 14:
            raise ValueError("a sample shop needs at least 50 users, 120 items and 14 days for its patterns to exist")
        if self.events < 10 * self.users:
            raise ValueError(f"events must be at least ten per user: {10 * self.users}, not {self.events}")
        if self.ends_at.tzinfo is None:
            raise ValueError("ends_at must carry a time zone")
        if self.taste_changes_on is not None and not 0 <= self.taste_changes_on < self.days:
            raise ValueError(f"taste_changes_on must be a day of the history, not {self.taste_changes_on}")
        if self.block_events < 1_000:
            raise ValueError("block_events must be at least 1,000")
        if not 0.0 <= self.passer_by_sessions <= 20.0:
            raise ValueError(f"passer_by_sessions must lie between 0 and 20, not {self.passer_by_sessions}")
        if unknown := set(self.currencies) - set(FOREIGN_CURRENCIES):
            raise ValueError(f"currencies must be among {', '.join(FOREIGN_CURRENCIES)}, not {', '.join(unknown)}")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"zone must be the name of a time zone, such as Europe/Berlin, not {self.zone}") from error
        self._check_shares()

    def _check_shares(self) -> None:
        for name in ("duplicate_share", "late_share", "malformed_share", "labelled_share", "bot_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be a share between 0 and 1, not {getattr(self, name)}")
        if self.bot_events > self.events // 2:
            raise ValueError(f"bot_share of {self.bot_share} means {self.bot_events} rows of bots: over half of events")

    @property
    def bots(self) -> int:
        """Shoppers that are crawlers."""
        return max(2, round(self.users * self.bot_share))

    @property
    def bot_events(self) -> int:
        """Rows that crawlers leave, about."""
        return round(self.bots * BOT_SESSIONS * BOT_SESSION_EVENTS)

    @property
    def block_users(self) -> int:
        """Shoppers whose rows fill one batch."""
        return max(1, min(self.users, self.block_events * self.users // self.events))

    @property
    def starts_at_us(self) -> int:
        """First microsecond of the first day, since 1970."""
        return round(self.ends_at.timestamp()) * 1_000_000 - self.days * 86_400_000_000


SIZES: Final[dict[Size, SampleShopConfig]] = {
    "tiny": SampleShopConfig(users=600, items=200, events=31_000, days=60),
    "small": SampleShopConfig(users=2_400, items=1_000, events=200_000, days=120),
    "medium": SampleShopConfig(users=20_000, items=10_000, events=2_000_000, days=180),
    "large": SampleShopConfig(users=200_000, items=50_000, events=20_000_000, days=365),
}
"""The sizes that ``shopsight`` offers by name."""
