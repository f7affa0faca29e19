"""The shoppers: what they like, how they behave, and when they come and go."""

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shopsight.consent import CONSENTS
from shopsight.events import USER_SCHEMA
from shopsight.sample_shop.campaigns import draw_treated
from shopsight.sample_shop.catalogue import SOURCE
from shopsight.sample_shop.config import SampleShopConfig
from shopsight.sample_shop.shelves import DEPARTMENTS

HERO: Final = "maya"
"""The documented shopper: user 0 of every shop."""

SEGMENTS: Final = ("bargain_hunter", "loyal", "window_shopper", "gift_buyer")
AGE_BANDS: Final = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
GENDERS: Final = ("female", "male", "other", "unknown")
COUNTRIES: Final = ("DE", "FR", "NL", "GB", "IT", "ES", "PL", "CN")
DEVICES: Final = ("mobile", "desktop", "tablet")

# One column per segment, in the order of SEGMENTS.
_SEGMENT_SHARE = (0.25, 0.20, 0.43, 0.12)
_SEGMENT_RATE = (1.0, 1.8, 0.8, 0.7)
_SEGMENT_BUYING = (0.29, 0.46, 0.12, 0.36)
_SEGMENT_SENSITIVITY = (0.85, 0.30, 0.50, 0.20)
_SEGMENT_CHURN = (0.30, 0.08, 0.45, 0.35)
RUNNER_SHARE = 0.08
_COUNTRY_SHARE = (0.30, 0.14, 0.12, 0.14, 0.08, 0.08, 0.06, 0.08)
_DEVICE_SHARE = (0.60, 0.34, 0.06)
_CONSENT_SHARE = (0.86, 0.09, 0.05)


@dataclass(frozen=True, kw_only=True)
class People:
    """Shoppers as parallel arrays. Legend: U users, F favourite departments, C campaigns."""

    user_ids: list[str | None]
    """None for passers-by."""
    device_names: list[str]
    """What each shopper's ``anonymous_id`` begins with; a number of the device follows."""
    segment_U: NDArray[np.int8]
    sensitivity_U: NDArray[np.float64]
    """Chance that the shopper takes the cheapest of the three items at hand."""
    buying_U: NDArray[np.float64]
    """Chance that a session sets out to buy."""
    rate_U: NDArray[np.float64]
    """Sessions over the whole history, had the shopper been there from the first to the last day."""
    favourites_UF: NDArray[np.int8]
    """Departments the shopper likes, best first."""
    affinity_UF: NDArray[np.float64]
    """How the shopper's interest is shared among the favourites; rows sum to 1."""
    joined_U: NDArray[np.float64]
    """First day of activity, counted from the start of the history."""
    churn_U: NDArray[np.float64]
    """Day after which the shopper never returns; infinite for those who stay."""
    bot_U: NDArray[np.bool_]
    runner_U: NDArray[np.bool_]
    """The hero's kind: they walk the runner's trail."""
    registered_U: NDArray[np.bool_]
    """Whether the shopper has an account: the others are only ever an ``anonymous_id``."""
    age_U: NDArray[np.int8]
    gender_U: NDArray[np.int8]
    country_U: NDArray[np.int8]
    device_U: NDArray[np.int8]
    consent_U: NDArray[np.int8]
    peak_hour_U: NDArray[np.float64]
    treated_UC: NDArray[np.bool_]
    """Whom each of ``CAMPAIGNS`` is sent to."""
    passer_by_U: NDArray[np.bool_]
    """Devices that come once or a few times, and that nobody knows."""

    def part(self, users: slice) -> "People":
        """Return some of the shoppers, numbered from 0."""
        return People(**{field.name: getattr(self, field.name)[users] for field in fields(People)})

    def joined_by(self, others: "People") -> "People":
        """Return these shoppers and, after them, others."""
        columns: dict[str, Any] = {}
        for field in fields(People):
            one, other = getattr(self, field.name), getattr(others, field.name)
            columns[field.name] = one + other if isinstance(one, list) else np.concatenate([one, other])
        return People(**columns)

    def table(self, config: SampleShopConfig) -> pa.Table:
        """Return the registered shoppers as the shop would export them (``USER_SCHEMA``)."""
        registered = np.flatnonzero(self.registered_U)
        created = config.starts_at_us + (np.floor(self.joined_U[registered] * 86_400) * 1_000_000).astype(np.int64)
        columns = {
            "user_id": pa.array([self.user_ids[user] for user in registered.tolist()]),
            "created_at": pa.array(created, pa.timestamp("us", tz="UTC")),
            "age_band": _words(AGE_BANDS, self.age_U[registered]),
            "gender": _words(GENDERS, self.gender_U[registered]),
            "country": _words(COUNTRIES, self.country_U[registered]),
            "consent": _words(CONSENTS, self.consent_U[registered]),
            "source": pa.repeat(SOURCE, len(registered)),
            "created_timestamp": pa.array(created, pa.timestamp("us", tz="UTC")),
        }
        return pa.table(columns, schema=USER_SCHEMA)


def _words(vocabulary: tuple[str, ...], codes: NDArray[np.int8]) -> pa.Array:
    return pa.array(vocabulary).take(pa.array(codes))


def build_people(config: SampleShopConfig, rng: np.random.Generator) -> People:
    """Draw the shoppers; user 0 is the hero, the last ones are bots."""
    size, departments = config.users, len(DEPARTMENTS)
    segment = rng.choice(len(SEGMENTS), size=size, p=_SEGMENT_SHARE).astype(np.int8)
    runner = rng.random(size) < RUNNER_SHARE
    bot = np.arange(size) >= size - config.bots
    hero = np.arange(size) == 0
    segment[hero], runner[hero], runner[bot] = SEGMENTS.index("loyal"), True, False

    popularity = 1.0 / np.arange(1.0, departments + 1) ** 0.5
    # Gumbel noise on log weights draws three different departments per shopper in one go.
    keys = np.log(popularity) + rng.gumbel(size=(size, departments))
    favourites = np.argsort(-keys, axis=1)[:, :3].astype(np.int8)
    sports = DEPARTMENTS.index("Sports")
    for row in np.flatnonzero(runner):
        favourites[row] = [sports, *[other for other in favourites[row] if other != sports][:2]]
    concentration = np.where((segment == SEGMENTS.index("gift_buyer"))[:, None], [2.0, 2.0, 2.0], [6.0, 2.0, 1.0])
    affinity = rng.standard_gamma(concentration)
    affinity[runner] += [12.0, 0.0, 0.0]
    affinity /= affinity.sum(axis=1, keepdims=True)

    joined = np.where(rng.random(size) < 0.55, 0.0, rng.random(size) * 0.8 * config.days)
    stops = rng.random(size) < np.array(_SEGMENT_CHURN)[segment]
    churn = joined + 4.0 + rng.random(size) * np.maximum(config.days * 0.9 - joined, 1.0)
    churn = np.where(stops & (churn < config.days * 0.95) & ~bot & ~hero, churn, np.inf)
    consent = rng.choice(3, size=size, p=_CONSENT_SHARE).astype(np.int8)
    consent[hero] = 0
    joined[hero] = 0.0
    rate = rng.gamma(1.6, 1.0, size) * np.array(_SEGMENT_RATE)[segment] + 0.1
    return People(
        user_ids=[HERO, *[f"user-{number:07d}" for number in range(1, size)]],
        device_names=[f"device-{number:07d}" for number in range(size)],
        segment_U=segment,
        sensitivity_U=np.clip(np.array(_SEGMENT_SENSITIVITY)[segment] + rng.normal(0, 0.12, size), 0.0, 1.0),
        buying_U=np.clip(np.array(_SEGMENT_BUYING)[segment] + rng.normal(0, 0.04, size), 0.02, 0.8),
        rate_U=rate,
        favourites_UF=favourites,
        affinity_UF=affinity,
        joined_U=joined,
        churn_U=churn,
        bot_U=bot,
        runner_U=runner,
        registered_U=((rng.random(size) < 0.85) & ~bot) | hero,
        age_U=rng.choice(len(AGE_BANDS), size=size, p=[0.16, 0.3, 0.22, 0.16, 0.1, 0.06]).astype(np.int8),
        gender_U=rng.choice(len(GENDERS), size=size, p=[0.46, 0.42, 0.02, 0.1]).astype(np.int8),
        country_U=np.where(hero, 0, rng.choice(len(COUNTRIES), size=size, p=_COUNTRY_SHARE)).astype(np.int8),
        device_U=rng.choice(len(DEVICES), size=size, p=_DEVICE_SHARE).astype(np.int8),
        consent_U=consent,
        peak_hour_U=rng.normal(18.0, 3.0, size),
        treated_UC=draw_treated(size, rng) & ~(bot | hero)[:, None],
        passer_by_U=np.zeros(size, dtype=np.bool_),
    )


def draw_passers_by(block: int, size: int, rng: np.random.Generator) -> People:
    """Draw devices that come by once or a few times: they have tastes, and no account, no habits and no future."""
    departments = len(DEPARTMENTS)
    keys = -0.5 * np.log(np.arange(1.0, departments + 1)) + rng.gumbel(size=(size, departments))
    zeros, no = np.zeros(size), np.zeros(size, dtype=np.bool_)
    return People(
        user_ids=[None] * size,
        device_names=[f"visitor-{block:05d}-{number}" for number in range(size)],
        segment_U=np.full(size, SEGMENTS.index("window_shopper"), dtype=np.int8),
        sensitivity_U=np.clip(rng.normal(0.5, 0.2, size), 0.0, 1.0),
        buying_U=zeros,
        rate_U=zeros,
        favourites_UF=np.argsort(-keys, axis=1)[:, :3].astype(np.int8),
        affinity_UF=np.tile([0.6, 0.25, 0.15], (size, 1)),
        joined_U=zeros,
        churn_U=np.full(size, np.inf),
        bot_U=no,
        runner_U=no,
        registered_U=no,
        age_U=zeros.astype(np.int8),
        gender_U=zeros.astype(np.int8),
        country_U=rng.choice(len(COUNTRIES), size=size, p=_COUNTRY_SHARE).astype(np.int8),
        device_U=rng.choice(len(DEVICES), size=size, p=_DEVICE_SHARE).astype(np.int8),
        consent_U=rng.choice(3, size=size, p=_CONSENT_SHARE).astype(np.int8),
        peak_hour_U=rng.normal(18.0, 4.0, size),
        treated_UC=draw_treated(size, rng) & False,
        passer_by_U=~no,
    )
