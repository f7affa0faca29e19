"""The sample shop's shoppers answer a launched campaign."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cli.campaign_answer import answer_campaign
from cli.campaign_files import write_launch
from models.campaigns.audience import Reached
from models.campaigns.book import Campaign
from models.campaigns.launches import midnight
from models.campaigns.plan import Plan
from shopsight.errors import ShopsightError
from shopsight.ingestion.log.event_log import EventLog
from shopsight.privacy import Pseudonymiser
from shopsight.sample_shop import generate
from shopsight.sample_shop.responses import draw_responses
from shopsight.settings import Settings


def launch(home: Settings, users: list[str], *, ends: date = date(2026, 11, 7)) -> pd.DataFrame:
    offers = [{"name": "news", "kind": "content"}]
    line = {"name": "pilot", "offers": offers, "budget": 1, "starts": date(2026, 11, 1), "ends": ends}
    campaign = Campaign.model_validate(line)
    held_out = np.arange(len(users)) % 2 == 0
    assigned = pd.DataFrame({"user_id": users, "offer": "news", "held_out": held_out})
    plan = Plan(
        campaign=campaign,
        chosen_by="lot",
        reached=Reached(assigned, len(users), {}),
        assigned=assigned,
        cost=0.0,
        orders_added=None,
        money_added=None,
        sleeping_dogs=0,
    )
    document = {"name": "pilot", "chosen_by": "lot", "campaign": campaign.model_dump(mode="json"), "plan": {}}
    write_launch(home, plan, document, send_from=midnight(home, campaign.starts))
    return assigned


def test_orders_of_both_sides_land_under_their_pseudonyms_and_follow_what_is_planted(home: Settings) -> None:
    shop = generate(home.sample_size, seed=home.seed)
    pseudonym = Pseudonymiser.from_settings(home)
    users = [pseudonym.user(str(user)) for user in shop.people.user_ids]
    assigned = launch(home, users).set_index("user_id")
    answer_campaign("pilot", build=False)

    log = EventLog.open(home)
    files = [path for path in home.event_log_dir.rglob("events/*.parquet") if "batch=" in str(path)]
    orders = pd.concat(pq.ParquetFile(path).read().to_pandas() for path in files)
    assert set(orders["user_id"]) <= set(users)
    assert log.totals()
    assert set(orders["event_name"]) == {"purchase"}
    assert (
        orders["event_timestamp"]
        .between(pd.Timestamp("2026-11-01", tz="UTC"), pd.Timestamp("2026-11-08", tz="UTC"))
        .all()
    )
    responses = draw_responses(shop.people, seed=shop.seed)
    expected = np.where(assigned["held_out"], responses.without_U, responses.with_U).sum()
    assert len(orders) == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_a_campaign_that_is_not_over_is_not_answered(home: Settings) -> None:
    launch(home, ["u_1"], ends=date(2099, 1, 1))
    with pytest.raises(ShopsightError, match="is not over"):
        answer_campaign("pilot", build=False)


def test_shoppers_of_another_shop_do_not_answer(home: Settings) -> None:
    launch(home, ["u_1", "u_2"])
    with pytest.raises(ShopsightError, match="nobody on the list"):
        answer_campaign("pilot", build=False)
