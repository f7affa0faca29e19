"""Studio on a finished demo: pages in two languages, figures that equal SQL on the marts, and what is missing."""

import csv
import io
import re
from datetime import date
from pathlib import Path

import pytest
from running import free_port
from starlette.testclient import TestClient

from orchestration.studio_server import HomeDecisions
from serving.studio.app import PAGES, studio_app
from serving.studio.questions import QUESTIONS
from serving.studio.visitor import Visitor
from serving.studio.words import LANGUAGES
from shopsight.marts import open_marts
from shopsight.sample_shop import HERO
from shopsight.settings import Settings

DAYS = {"first": "2026-10-20", "last": "2026-10-26"}
OF_DAYS = "where event_date between $first and $last"
FURTHER = (
    "/models/recommender",
    "/models/recommender/v0001",
    f"/shoppers?user={HERO}",
    "/funnel?by=device&days=90",
    "/search?first=2026-10-01&last=2026-10-09",
)


def pages_of(settings: Settings, *, may_act: bool = True) -> TestClient:
    visitor = Visitor(name="Ada", may_act=may_act)
    return TestClient(studio_app(settings, decisions=HomeDecisions(settings), visitor_of=lambda _: visitor))


@pytest.fixture
def pages(demo_home: Settings) -> TestClient:
    return pages_of(demo_home)


def figure(html: str, name: str) -> str:
    """Return what a page says beside the link that opens a figure."""
    said = re.search(rf'href="/rows\?q={name}[&"].*?class="value">([^<]*)<', html, flags=re.S)
    assert said, f"the page does not say {name}"
    return said[1]


def test_every_page_answers_in_both_languages_and_runs_no_script(pages: TestClient) -> None:
    addresses = [*("/" if name == "today" else f"/{name}" for name in PAGES), *FURTHER]
    for language in LANGUAGES:
        for address in addresses:
            answer = pages.get(address, headers={"accept-language": language})
            assert answer.status_code == 200, (address, answer.text[-2000:])
            assert f'<html lang="{language}">' in answer.text
            assert "<script" not in answer.text
            assert " style=" not in answer.text
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert not re.findall(r'(?:src|href)="https?://(?!127\.0\.0\.1)', answer.text)


@pytest.mark.parametrize(
    ("page", "name", "sql", "form"),
    [
        (
            "/",
            "revenue",
            "select sum(net_revenue) from daily_kpis where event_date between $first and $last",
            "{:,.2f}",
        ),
        ("/", "orders", "select sum(orders) from daily_kpis where event_date between $first and $last", "{:,}"),
        ("/", "visits", "select sum(sessions) from daily_kpis where event_date between $first and $last", "{:,}"),
        (
            "/",
            "visitors",
            "select count(distinct user_id) from sessions where not is_bot and started_on between $first and $last",
            "{:,}",
        ),
        ("/", "conversion", f"select sum(converting_sessions) / sum(sessions) from daily_kpis {OF_DAYS}", "{:.1%}"),
        (
            "/search",
            "searches",
            "select count(*) from search_clicks where event_timestamp::date between $first and $last",
            "{:,}",
        ),
        (
            "/funnel",
            "funnel",
            "select sum(shoppers) from funnel_daily where is_complete and step = 'view_item' "
            "and event_date between $first and $last",
            "{:,}",
        ),
    ],
)
def test_a_figure_of_a_page_is_what_the_marts_say_and_its_rows_add_up_to_it(
    pages: TestClient, demo_home: Settings, page: str, name: str, sql: str, form: str
) -> None:
    said = figure(pages.get(page, params=DAYS).text, name)
    with open_marts(demo_home) as connection:
        values = {key: date.fromisoformat(day) for key, day in DAYS.items()}
        ((expected,),) = connection.execute(sql, values).fetchall()
    assert said == form.format(expected)
    opened = pages.get("/rows", params={"q": name, **DAYS}).text
    assert f'class="value">{said}<' in opened


def test_the_csv_of_a_figure_has_every_row_and_its_sql_is_what_shopsight_query_takes(
    pages: TestClient, demo_home: Settings
) -> None:
    rows = list(csv.DictReader(io.StringIO(pages.get("/rows.csv", params={"q": "orders", **DAYS}).text)))
    page = pages.get("/rows", params={"q": "orders", **DAYS}).text
    sql = re.search(r"<pre[^>]*><code>(.*?)</code>", page, flags=re.S)
    assert sql
    with open_marts(demo_home) as connection:
        asked = connection.execute(sql[1].replace("&#39;", "'").replace("&lt;", "<")).fetchall()
    assert [row["order_key"] for row in rows] == [row[0] for row in asked]
    assert rows
    assert f">{len(rows)} rows<" in page


def test_rows_come_in_pages_without_one_twice(pages: TestClient) -> None:
    wanted = {"q": "visits", "first": "2026-10-01", "last": "2026-10-26"}
    first, second = (pages.get("/rows", params={**wanted, "page": page}).text for page in (1, 2))
    ids = [re.findall(r'<tr><td class="line">([^<]*)<', html) for html in (first, second)]
    assert len(ids[0]) == len(ids[1]) == 50
    assert not set(ids[0]) & set(ids[1])


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/?days=week", 400),
        ("/?first=2026-10-26&last=2026-10-20", 400),
        ("/rows?q=orders", 400),
        ("/rows?q=orders%20", 404),
        ("/rows?q=funnel_parts&first=2026-10-01&last=2026-10-02&dimension=user_id", 400),
        ("/funnel?by=user_id", 400),
        ("/models/recommender/v0999", 404),
        ("/models/nothing", 404),
    ],
)
def test_what_cannot_be_shown_is_said_and_not_guessed(pages: TestClient, address: str, status: int) -> None:
    answer = pages.get(address)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text


def test_a_shopper_is_looked_up_by_the_shops_own_id_and_their_list_says_when_nothing_answers(
    demo_home: Settings,
) -> None:
    pages = pages_of(demo_home.model_copy(update={"recommendation_port": free_port()}))
    page = pages.get("/shoppers", params={"user": HERO}).text
    assert "favourite_categories" in page
    assert "<time>" in page
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token
    listed = pages.post("/shoppers/list", data={"user": HERO, "token": token[1]})
    assert "The recommender does not answer" in listed.text
    assert "Nobody is known under" in pages.get("/shoppers", params={"user": "not-a-shopper"}).text


def test_questions_that_need_a_mart_which_is_not_there_say_so(tmp_path: Path) -> None:
    empty = Settings(home=tmp_path / "home")
    pages = pages_of(empty)
    for name in PAGES:
        answer = pages.get("/" if name == "today" else f"/{name}")
        assert answer.status_code == 200, name
    assert "There are no marts yet" in pages.get("/").text
    assert "Not there: orders" in pages.get("/").text
    assert pages.get("/rows", params={"q": "orders", **DAYS}).status_code == 200
    assert pages.get("/rows.csv", params={"q": "orders", **DAYS}).status_code == 409
    assert set(QUESTIONS)
