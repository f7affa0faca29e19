"""*Shoppers*: one shopper as the profile says it, what they did, and what would be shown to them now."""

from typing import Any, Final

import httpx

from models.profiling.lines import look_up
from serving.studio.page_request import PageRequest, rows_address, table
from serving.studio.questions import QUESTIONS
from shopsight.privacy import Pseudonymiser
from shopsight.profile_store import ProfileStore
from shopsight.settings import Settings

NUM_RESULTS: Final = 8
SECONDS: Final = 5.0
MAX_EVIDENCE: Final = 3


def shoppers(asked: PageRequest) -> dict[str, Any]:
    """Return what the page shows of the shopper who is searched for; without one, who to begin with."""
    wanted = asked.query.get("user", "").strip()
    store = ProfileStore.of(asked.settings)
    page: dict[str, Any] = {"wanted": wanted, "has_profiles": store.look(), "profile": None, "timeline": None}
    if not wanted:
        with asked.reader.opened(QUESTIONS["win_back"]) as answers:
            return page | {"win_back": table(answers, "win_back", {}, limit=10)}
    pseudonyms = Pseudonymiser.from_settings(asked.settings)
    profile = look_up(store, (pseudonyms.user(wanted), pseudonyms.anonymous(wanted), wanted))
    if profile is None or not profile["lines"]:
        return page | {"profile": profile}
    with asked.reader.opened(QUESTIONS["timeline"]) as answers:
        timeline = table(answers, "timeline", {"user": profile["user_id"]}, limit=40)
    return page | {
        "profile": profile,
        "lines": [_line(asked, line) for line in profile["lines"]],
        "timeline": timeline,
        "timeline_rows": rows_address("timeline", {"user": profile["user_id"]}),
    }


def would_show(asked: PageRequest, user: str) -> dict[str, Any]:
    """Return what the running recommender shows this shopper, each item with why; or why it says nothing."""
    answer = _ask_recommender(asked.settings, user)
    if isinstance(answer, str):
        return {"trouble": asked.words(answer), "items": []}
    if answer.status_code != 200:
        return {"trouble": asked.words("shoppers.refused", status=answer.status_code), "items": []}
    document = answer.json()
    named = [item["item_id"] for item in document["items"]]
    named += [one for item in document["items"] for reason in item["reasons"] for one in reason.get("item_ids", ())]
    titles = _titles(asked, named)
    items = [
        {
            **item,
            "title": titles.get(item["item_id"], item["item_id"]),
            "because": [titles.get(one, one) for reason in item["reasons"] for one in reason.get("item_ids", ())],
        }
        for item in document["items"]
    ]
    return {"trouble": "", "items": items, "model": document["model"], "fallback": document["fallback"]}


def _ask_recommender(settings: Settings, user: str) -> httpx.Response | str:
    """Return the answer of the running recommender, or the key of the text that says why there is none."""
    key = {"x-api-key": settings.shop_key.get_secret_value()} if settings.shop_key else {}
    body = {"placement": "recommended_for_you", "user_id": user, "num_results": NUM_RESULTS, "explain": True}
    url = f"http://{settings.host}:{settings.recommendation_port}/v1/recommendations"
    try:
        return httpx.post(url, json=body, headers=key, timeout=SECONDS, trust_env=False)
    except httpx.HTTPError:
        return "shoppers.not_running"


def _titles(asked: PageRequest, item_ids: list[str]) -> dict[str, str]:
    with asked.reader.opened_marts(["items"]) as connection:
        rows = connection.execute(
            "select item_id, title from items where list_contains($ids, item_id)", {"ids": sorted(set(item_ids))}
        ).fetchall()
    return {item_id: title for item_id, title in rows if title}


def _line(asked: PageRequest, line: dict[str, Any]) -> dict[str, Any]:
    """Return a line of a profile as it is written."""
    evidence = line["evidence"]
    return line | {
        "text": _text(asked, line["value"]),
        "interval": "" if line["interval"] is None else " – ".join(_text(asked, end) for end in line["interval"]),
        "as_of": (line["as_of"] or "")[:10],
        "mart": evidence["mart"],
        "keys": evidence["rows"][:MAX_EVIDENCE],
        "more_keys": max(0, len(evidence["rows"]) - MAX_EVIDENCE),
    }


def _text(asked: PageRequest, value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} {_text(asked, one)}" for name, one in value.items())
    if isinstance(value, list):
        return "; ".join(_text(asked, one) for one in value)
    return asked.words.value(value)
