"""One block of shoppers, complete: sessions, rows, texts, and the blemishes that a validator must find."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shopsight.sample_shop.catalogue import Catalogue
from shopsight.sample_shop.config import SampleShopConfig
from shopsight.sample_shop.expansion import build_rows
from shopsight.sample_shop.hero import hero_part
from shopsight.sample_shop.journeys import draw_views
from shopsight.sample_shop.people import COUNTRIES, People, draw_passers_by
from shopsight.sample_shop.rows import CODE, Rows, join_rows
from shopsight.sample_shop.sessions import DAY_US, Sessions, draw_sessions, draw_visits, join_sessions, passers_by
from shopsight.sample_shop.taste import with_changed_taste
from shopsight.sample_shop.utterances import write_utterances

FAULTS: Final = (
    "event_name_missing",
    "event_name_unknown",
    "event_timestamp_missing",
    "event_timestamp_out_of_range",
    "actor_missing",
    "item_id_missing",
    "quantity_out_of_range",
    "consent_unknown",
)
"""Ways in which a planted row is malformed, by the code under which validation quarantines it."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Everything known about the rows of some shoppers. Legend: R rows, D rows that are sent twice."""

    number: int
    people: People
    """The block's shoppers and after them its passers-by; sessions number them from 0."""
    sessions: Sessions
    rows: Rows
    text_R: NDArray[np.object_]
    label_R: NDArray[np.int8]
    """Number of the true intent of a text, or -1."""
    labelled_R: NDArray[np.bool_]
    """Whether the shop wrote the intent into ``properties``."""
    created_R: NDArray[np.int64]
    late_R: NDArray[np.bool_]
    fault_R: NDArray[np.int8]
    """Number of the row's fault in ``FAULTS``, or -1."""
    resent_D: NDArray[np.int64]
    """Rows that are sent a second time: every other one with its own block, the rest with the next block."""

    @property
    def nobodys_R(self) -> NDArray[np.bool_]:
        """Rows of orders without any identity: two in five of the passers-by order by telephone, say."""
        session = self.rows.session_R
        ordered = np.isin(self.rows.name_R, [CODE["purchase"], CODE["refund"]])
        return np.asarray(self.sessions.passer_by_S[session] & (session % 5 < 2) & ordered)


def build_block(
    config: SampleShopConfig, catalogue: Catalogue, people: People, scale: float, number: int, seed: int
) -> Block:
    """Draw a block of shoppers; it depends on the seed and its number alone, so blocks may be drawn in any order."""
    rng = np.random.default_rng([seed, 2, number])
    people, sessions = draw_block_sessions(config, catalogue, people, scale, number, rng)
    views = draw_views(catalogue, people, sessions, rng)
    sessions, views = with_changed_taste(config, catalogue, sessions, views)
    leaves = np.minimum(people.churn_U[sessions.user_S], config.days) * DAY_US
    rows = build_rows(catalogue, sessions, views, config.starts_at_us + leaves.astype(np.int64), rng)
    user_R = sessions.user_S[rows.session_R]
    chinese_R = (people.country_U[user_R] == COUNTRIES.index("CN")) & (rng.random(len(rows)) < 0.8)
    text_R, label_R = write_utterances(catalogue, rows, chinese_R, sessions.leaf_S[rows.session_R], rng)
    if number == 0:
        hero = hero_part(config, catalogue)
        rows = join_rows(rows, hero.rows, session_offset=len(sessions.user_S))
        sessions = join_sessions(sessions, hero.sessions)
        text_R, label_R = np.concatenate([text_R, hero.text_R]), np.concatenate([label_R, hero.label_R])
    return _blemish(config, number, people, sessions, rows, text_R, label_R, rng)


def draw_block_sessions(
    config: SampleShopConfig,
    catalogue: Catalogue,
    people: People,
    scale: float,
    number: int,
    rng: np.random.Generator,
) -> tuple[People, Sessions]:
    """Return a block's shoppers and passers-by, and when they come; the first draws from the block's ``rng``."""
    shoppers = people.part(slice(number * config.block_users, min((number + 1) * config.block_users, config.users)))
    sessions = draw_sessions(config, catalogue, shoppers, scale, rng)
    num_shoppers = len(shoppers.user_ids)
    passing = draw_passers_by(number, passers_by(config, num_shoppers), rng)
    visits = draw_visits(config, catalogue, passing, rng)
    return shoppers.joined_by(passing), join_sessions(sessions, visits, user_offset=num_shoppers)


def _blemish(
    config: SampleShopConfig,
    number: int,
    people: People,
    sessions: Sessions,
    rows: Rows,
    text_R: NDArray[np.object_],
    label_R: NDArray[np.int8],
    rng: np.random.Generator,
) -> Block:
    """Plant late, malformed and repeated rows; none of the hero's, and no order is made malformed."""
    size = len(rows)
    hero = (sessions.user_S[rows.session_R] == 0) & (number == 0)
    end = config.starts_at_us + config.days * DAY_US

    # Within five seconds of the event, except for the late: three hours to three days, log-uniform.
    late = (rng.random(size) < config.late_share) & (rows.time_R < end - DAY_US) & ~hero
    delay = np.where(late, np.exp(rng.uniform(np.log(3.0), np.log(72.0), size)) * 3_600e6, rng.uniform(2e4, 5e6, size))
    created = np.minimum(rows.time_R + delay.astype(np.int64), end)

    fault = np.full(size, -1, dtype=np.int8)
    free = ~hero & (rows.name_R != CODE["purchase"])
    for number_of_fault, name in enumerate(FAULTS):
        # Some faults need a field that not every row has; each fault is about as frequent as the others.
        able = np.flatnonzero(free & (fault < 0) & _can_have(name, rows))
        chance = min(1.0, config.malformed_share * size / len(FAULTS) / max(len(able), 1))
        fault[able[rng.random(len(able)) < chance]] = number_of_fault

    resent = np.flatnonzero((rng.random(size) < config.duplicate_share) & (fault < 0))
    return Block(
        number=number,
        people=people,
        sessions=sessions,
        rows=rows,
        text_R=text_R,
        label_R=label_R,
        labelled_R=(label_R >= 0) & (rng.random(size) < config.labelled_share),
        created_R=created,
        late_R=late,
        fault_R=fault,
        resent_D=resent,
    )


def _can_have(fault: str, rows: Rows) -> NDArray[np.bool_]:
    if fault == "item_id_missing":
        return np.asarray(rows.name_R == CODE["view_item"])
    if fault == "actor_missing":
        # An order without any identity is no fault, nor is what is given back of one.
        return np.asarray(~np.isin(rows.name_R, [CODE["purchase"], CODE["refund"]]))
    if fault == "quantity_out_of_range":
        return rows.quantity_R > 0
    return np.ones(len(rows), dtype=np.bool_)
