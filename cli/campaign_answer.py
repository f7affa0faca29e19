"""``shopsight campaign answer``: the sample shop's shoppers answer a launched campaign as planted."""

from datetime import timedelta
from typing import Final

import numpy as np
import pyarrow as pa

from cli.console import out
from models.campaigns.launches import Launch, midnight, read_launch
from shopsight.clock import utc_now
from shopsight.errors import ShopsightError
from shopsight.events import EVENT_SCHEMA, TIMESTAMP
from shopsight.settings import Settings

SOURCE: Final = "sample_shop"
"""The source of the sample shop's own events, which these orders go on with."""


def answer_campaign(name: str, *, build: bool) -> None:
    """Land the orders of everybody who was assigned, those held out included, and build the marts.

    Raises:
        ShopsightError: the home's shoppers are not those of the sample shop, or the campaign is not over.
    """
    from dataclasses import replace

    from shopsight.ingestion.log.event_log import EventLog
    from shopsight.ingestion.readers.chunks import chunk_of_rows
    from shopsight.warehouse import REFRESH, run_dbt

    settings = Settings()
    launch = read_launch(settings, name)
    now = utc_now()
    if midnight(settings, launch.campaign.ends + timedelta(days=1)) > now:
        raise ShopsightError(
            f"{name} is not over",
            why=f"it ends on {launch.campaign.ends}, and orders of the future are quarantined",
            fix="let it begin on the day after the sample shop's last one, 2026-10-31",
        )
    rows = _orders(settings, launch)
    chunk = replace(chunk_of_rows(rows, first_line=1, file_name=f"{name}.parquet"), is_pseudonymous=True)
    receipt = EventLog.open(settings).land([chunk], source_name=SOURCE, received_at=now, format_name="sample")
    out.print(f"{receipt.accepted} orders landed in {receipt.batch_id}, of those held out as well")
    if build:
        run_dbt(settings, *REFRESH)
        out.print(f"the marts are built; `shopsight campaign report {name}` says what it added")


def _orders(settings: Settings, launch: Launch) -> pa.Table:
    from shopsight.privacy import Pseudonymiser
    from shopsight.sample_shop import generate
    from shopsight.sample_shop.responses import answer, draw_responses

    shop = generate(settings.sample_size, seed=settings.seed)
    pseudonym = Pseudonymiser.from_settings(settings)
    place = {pseudonym.user(user): number for number, user in enumerate(shop.people.user_ids) if user}
    assigned = launch.assigned[launch.assigned["user_id"].isin(place.keys())]
    if assigned.empty:
        raise ShopsightError(
            "nobody on the list is a shopper of the sample shop",
            why="seed or size of the home's sample shop differ, or the events are of another shop",
            fix="set SHOPSIGHT_SEED and SHOPSIGHT_SAMPLE_SIZE as they were at the import",
        )
    numbers = assigned["user_id"].map(place).to_numpy()
    sent = np.zeros(len(shop.people.user_ids), dtype=np.bool_)
    sent[numbers[~assigned["held_out"].to_numpy()]] = True
    name = launch.campaign.name
    rng = np.random.default_rng([settings.seed, 10, *name.encode()])
    spent = answer(draw_responses(shop.people, seed=shop.seed), sent, rng=rng)[numbers]
    users, money = assigned["user_id"].to_numpy()[spent > 0], spent[spent > 0]
    days = (launch.campaign.ends - launch.campaign.starts).days + 1
    begin = midnight(settings, launch.campaign.starts)
    moments = [begin + timedelta(days=float(one)) for one in rng.uniform(0.4, days - 0.01, len(users))]
    ids = [f"{name}-{number}" for number in range(len(users))]
    items = rng.choice(np.array(shop.catalogue.item_ids, dtype=object), len(users))
    columns: dict[str, pa.Array] = {
        "event_id": pa.array([f"ev-{one}" for one in ids]),
        "line_number": pa.array(np.zeros(len(users), dtype=np.int32)),
        "event_name": pa.array(["purchase"] * len(users)),
        "event_timestamp": pa.array(moments, TIMESTAMP),
        "created_timestamp": pa.array(moments, TIMESTAMP),
        "user_id": pa.array(users.tolist(), pa.string()),
        "session_id": pa.array([f"s-{one}" for one in ids]),
        "item_id": pa.array(items.tolist(), pa.string()),
        "quantity": pa.array(np.ones(len(users), dtype=np.int32)),
        "price": pa.array(money, pa.float64()).cast(pa.decimal128(18, 4)),
        "currency": pa.array(["EUR"] * len(users)),
        "value": pa.array(money),
        "order_id": pa.array([f"o-{one}" for one in ids]),
        "consent": pa.array(["granted"] * len(users)),
        "source": pa.array([SOURCE] * len(users)),
    }
    missing = {field.name: pa.nulls(len(users), field.type) for field in EVENT_SCHEMA if field.name not in columns}
    every = columns | missing
    return pa.table({field.name: every[field.name] for field in EVENT_SCHEMA})
