"""``shopsight campaign plan|launch|report``: reads the marts and the journal, and prints."""

import getpass
import json
import time
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from cli.campaign_files import capped_shoppers, first_hour, list_path, past_of, write_launch
from cli.console import err, out, print_json
from models.campaigns.book import Campaign, CampaignBook
from models.campaigns.launches import midnight, read_launch
from shopsight.clock import utc_now
from shopsight.errors import ShopsightError
from shopsight.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from models.campaigns.lift import Lift
    from models.campaigns.plan import Plan
    from models.evaluation.bootstrap import Estimate

ORDERS: str = """
    select user_id, count(*) as orders, sum(net_revenue)::double as net_revenue
    from orders where ordered_at >= $starts and ordered_at < $ends group by user_id
"""


def plan_campaign(name: str, file: Path | None, *, as_json: bool) -> bool:
    """Print a plan; return whether it may be launched."""
    settings = Settings()
    made = _plan(settings, CampaignBook.read(file or settings.campaigns_path), name)
    document = _document(made)
    if as_json:
        print_json(document)
    else:
        _print_plan(made, document)
    return not made.against


def launch_campaign(name: str, file: Path | None, *, webhook: str | None, by: str, as_json: bool) -> bool:
    """Launch a campaign whose plan nothing speaks against; return whether it was."""
    settings = Settings()
    book = CampaignBook.read(file or settings.campaigns_path)
    made = _plan(settings, book, name)
    if made.against:
        for reason in made.against:
            err.print(f"[bold red]not launched[/] {escape(reason)}", soft_wrap=True)
        return False
    send_from = first_hour(
        settings, made.campaign.starts, quiet_from=book.quiet_hours.starts, quiet_until=book.quiet_hours.ends
    )
    plan = _document(made)
    line = {
        "name": name,
        "launched_at": utc_now().isoformat(),
        "by": by or getpass.getuser(),
        "chosen_by": made.chosen_by,
        "campaign": made.campaign.model_dump(mode="json"),
        "plan": plan,
    }
    written = write_launch(settings, made, line, send_from=send_from)
    delivered = _post(settings, webhook, written, list_path(settings, name)) if webhook else None
    answer = {"launched": name, "list": str(list_path(settings, name)), "delivered": delivered, **plan}
    if as_json:
        print_json(answer)
    else:
        out.print(f"{name} is launched: {plan['sent']} on the list, {plan['held_out']} held out", highlight=False)
        out.print(f"list: {list_path(settings, name)}", soft_wrap=True, markup=False)
        if delivered:
            out.print(delivered, markup=False)
    return True


def report_campaign(name: str, *, as_json: bool) -> None:
    """Print what a launched campaign added."""
    from models.campaigns.report import report
    from shopsight.marts import open_marts

    settings = Settings()
    launch = read_launch(settings, name)
    campaign = launch.campaign
    starts, ends = midnight(settings, campaign.starts), midnight(settings, campaign.ends + timedelta(days=1))
    out_of_it = launch.assigned["user_id"][launch.assigned["held_out"]].tolist()
    with open_marts(settings, ("orders", "sessions")) as connection:
        reached = connection.execute(
            "select count(distinct user_id) from sessions where campaign_id = $name and list_contains($users, user_id)",
            {"name": name, "users": out_of_it},
        ).fetchone()
        newest = connection.execute("select max(ended_at) from sessions").fetchone()
    made = report(
        launch.assigned,
        _orders(settings, campaign),
        offers=[offer.model_dump() for offer in campaign.offers],
        hold_out=campaign.hold_out,
        margin_share=campaign.margin_share,
        reached_held_out=int(reached[0]) if reached else 0,
        is_unchanged=launch.is_unchanged,
    )
    read_until = min(newest[0], ends) if newest and newest[0] else None
    over = read_until is not None and ends - read_until < timedelta(days=1)
    document = {
        "campaign": name,
        "from": starts,
        "until": ends,
        "read_until": read_until,
        "is_over": over,
        "verdict": made.verdict if over else f"not over yet, so far: {made.verdict}",
        "orders": _lift(made.orders),
        "money": _lift(made.money),
        "margin_less_cost": made.margin,
        "spent": made.spent,
        "cost_per_order_added": made.cost_per_order,
        "by_offer": {key: _lift(one) for key, one in made.by_offer.items()},
        "by_segment": {key: _lift(one) for key, one in made.by_segment.items()},
        "hold_out_is_broken": list(made.broken),
        "promised": {key: launch.line["plan"][key] for key in ("orders_added", "money_added", "cost")},
    }
    if as_json:
        print_json(document)
    else:
        _print_report(document)


def explain_to(name: str, user: str, *, as_json: bool) -> None:
    """Print why a shopper got what they got."""
    from models.campaigns.audience import FEATURES
    from shopsight.privacy import Pseudonymiser

    settings = Settings()
    launch = read_launch(settings, name)
    rows = launch.assigned.set_index("user_id")
    pseudonym = user if user in rows.index else Pseudonymiser.from_settings(settings).user(user)
    answer: dict[str, Any] = {"campaign": name, "user_id": pseudonym, "sent": False, "offer": None}
    if pseudonym not in rows.index:
        answer["reason"] = "not chosen: outside the audience, not to be written to, or nothing was expected of it"
    else:
        row = rows.loc[pseudonym]
        answer |= {"sent": not row["held_out"], "offer": row["offer"]}
        answer["reason"] = "held out by lot, so that what it adds can be told" if row["held_out"] else row["reason"]
        answer["looked_at"] = {feature: row[feature] for feature in FEATURES}
    if as_json:
        print_json(answer)
        return
    out.print(f"{pseudonym}: {'sent ' + answer['offer'] if answer['sent'] else 'nothing sent'}; {answer['reason']}")
    for feature, value in answer.get("looked_at", {}).items():
        out.print(f"  {feature.replace('_', ' ')}: {value}", markup=False)


def _plan(settings: Settings, book: CampaignBook, name: str) -> "Plan":
    from models.campaigns.audience import MARTS, reach, read_shoppers
    from models.campaigns.plan import plan
    from shopsight.marts import export_path, mart_exists, open_marts
    from shopsight.refusals import read_refusals

    campaign = book.named(name)
    if not mart_exists(export_path(settings, "orders")):
        raise ShopsightError(
            f"{name} cannot be planned", why="there are no marts yet", fix="run `shopsight run`, then try again"
        )
    with open_marts(settings, MARTS) as connection:
        shoppers = read_shoppers(connection, midnight(settings, campaign.starts))
    capped = capped_shoppers(
        settings, campaign.starts, max_campaigns=book.frequency.max_campaigns, days=book.frequency.days
    )
    reached = reach(shoppers, campaign.audience, refusing=read_refusals(settings).users, capped=capped)
    past = past_of(settings, campaign, lambda one: _orders(settings, one))
    return plan(campaign, reached, past, seed=settings.seed)


def _orders(settings: Settings, campaign: Campaign) -> "pd.DataFrame":
    """Return orders and net revenue of each shopper within a campaign's days."""
    from shopsight.marts import open_marts

    days = {
        "starts": midnight(settings, campaign.starts),
        "ends": midnight(settings, campaign.ends + timedelta(days=1)),
    }
    with open_marts(settings, ("orders",)) as connection:
        return connection.execute(ORDERS, days).df()


def _document(made: "Plan") -> dict[str, Any]:
    assigned = made.assigned
    sent = assigned[~assigned["held_out"]]
    return {
        "campaign": made.campaign.name,
        "chosen_by": made.chosen_by,
        "contactable": made.reached.contactable,
        "left_out": made.reached.left_out,
        "meant": len(made.reached.meant),
        "chosen": len(assigned),
        "sent": len(sent),
        "held_out": len(assigned) - len(sent),
        "sleeping_dogs_left_alone": made.sleeping_dogs,
        "by_offer": {name: int(count) for name, count in sent["offer"].value_counts().items()},
        "cost": made.cost,
        "budget": made.campaign.budget,
        "orders_added": _numbers(made.orders_added),
        "money_added": _numbers(made.money_added),
        "gaps": {group: _numbers(gap) for group, gap in made.gaps.items()},
        "examples": assigned[["user_id", "offer", "held_out", "reason"]].head(5).to_dict("records"),
        "may_be_launched": not made.against,
        "against": list(made.against),
        "remarks": list(made.remarks),
    }


def _numbers(estimate: "Estimate | None") -> dict[str, float] | None:
    return None if estimate is None else asdict(estimate)


def _lift(one: "Lift | None") -> dict[str, Any] | None:
    return None if one is None else asdict(one) | {"is_sure": one.is_sure}


def _print_plan(made: "Plan", document: dict[str, Any]) -> None:
    table = Table(title=f"{made.campaign.name}: chosen by {made.chosen_by}", title_justify="left", show_header=False)
    for what in ("contactable", "meant", "chosen", "sent", "held_out", "sleeping_dogs_left_alone"):
        table.add_row(what.replace("_", " "), f"{document[what]:,}")
    for reason, count in made.reached.left_out.items():
        table.add_row(f"left out: {reason}", f"{count:,}")
    table.add_row("cost, at most", f"{made.cost:,.2f} of {made.campaign.budget:,.2f}")
    for what in ("orders_added", "money_added"):
        table.add_row(f"{what.replace('_', ' ')}, expected", _between(document[what]))
    out.print(table)
    for group, gap in document["gaps"].items():
        if gap["low"] > 0 or gap["high"] < 0:
            out.print(f"{group} is chosen {gap['value']:+.0%} beside the others", markup=False)
    for remark in made.remarks:
        out.print(remark, soft_wrap=True, markup=False)
    for reason in made.against:
        err.print(f"[bold red]may not be launched[/] {escape(reason)}", soft_wrap=True)


def _print_report(document: dict[str, Any]) -> None:
    out.print(f"{document['campaign']}: {document['verdict']}", soft_wrap=True, markup=False)
    table = Table("", "sent", "held out", "added [95%]")
    rows = {"orders": document["orders"], "money": document["money"]}
    rows |= {f"orders, {name}": one for name, one in (document["by_offer"] | document["by_segment"]).items()}
    for name, one in rows.items():
        if one is None:
            table.add_row(name, "", "", "too few to say")
        else:
            table.add_row(name, f"{one['sent']:,}", f"{one['held_out']:,}", _between(one["total"]))
    out.print(table)
    out.print(f"spent {document['spent']:,.2f}; promised {_between(document['promised']['orders_added'])} orders")
    if document["cost_per_order_added"] is not None:
        out.print(f"each order added cost {document['cost_per_order_added']:,.2f}")


def _between(numbers: dict[str, float] | None) -> str:
    if numbers is None:
        return "not known yet"
    return f"{numbers['value']:,.1f} [{numbers['low']:,.1f}, {numbers['high']:,.1f}]"


def _post(settings: Settings, url: str, line: dict[str, Any], path: Path) -> str:
    """Post the list, signed where there is a secret, and say how that went; the launch stands either way."""
    import httpx

    from shopsight.webhook_signature import SIGNATURE, signature

    body = json.dumps(
        {"campaign": line["name"], "assignment_sha256": line["assignment_sha256"], "list": path.read_text()}
    ).encode()
    headers = {"Content-Type": "application/json"}
    if settings.notify_webhook_secret is not None:
        headers[SIGNATURE] = signature(settings.notify_webhook_secret.get_secret_value(), body, at=int(time.time()))
    try:
        answer = httpx.post(url, content=body, headers=headers, timeout=10, trust_env=False)
    except httpx.HTTPError as error:
        return f"the webhook did not take the list ({error}); post {path} again by hand"
    return f"the webhook answered {answer.status_code}"
