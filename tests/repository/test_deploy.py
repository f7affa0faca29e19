"""What is deployed beside the services names what they show, and each alert says what to do."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml
from scrape import PARTS, promised

from serving.recommender.schemas import Fallback
from shopsight.families import SERVICES
from shopsight.settings import REPO_ROOT, Settings

PROMETHEUS: Final = REPO_ROOT / "deploy" / "prometheus"
DASHBOARD: Final[dict[str, Any]] = json.loads((REPO_ROOT / "deploy" / "grafana" / "shopsight.json").read_text())
ALERTS: Final[list[dict[str, Any]]] = [
    rule for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]
RUNBOOKS: Final = (REPO_ROOT / "docs" / "runbooks.md").read_text()
OF_THE_SCRAPE: Final = {"job", "instance", "service"}
PLAIN: Final = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds"}
"""Names that Prometheus and its client give."""
METRIC: Final = re.compile(r"\b(shopsight_\w+|up|process_\w+)(?:\{([^}]*)\})?")
GROUPED: Final = re.compile(r"\b(?:by|without|on|group_left) \(([^)]*)\)")
MATCHED: Final = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')


def expressions() -> Iterator[tuple[str, str]]:
    for alert in ALERTS:
        yield alert["alert"], alert["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def labels_of(name: str) -> set[str] | None:
    """Return the labels of a series that a service shows; None where it shows none of this name."""
    for metric, row in promised().items():
        base = metric.removesuffix("_total") if row.kind == "counter" else metric
        if name in {base + part for part in PARTS[row.kind]}:
            return set(row.labels) | OF_THE_SCRAPE | ({"le"} if name.endswith("_bucket") else set())
    return OF_THE_SCRAPE if name in PLAIN else None


@pytest.mark.parametrize(("place", "expression"), list(expressions()))
def test_every_expression_names_series_and_labels_that_a_service_shows(place: str, expression: str) -> None:
    labels: set[str] = set()
    series = METRIC.findall(expression)
    assert series, place
    for name, selectors in series:
        own = labels_of(name)
        assert own is not None, f"{place}: no service shows {name}"
        assert {label for label, _ in MATCHED.findall(selectors)} <= own, f"{place}: {name}"
        labels |= own
    grouped = {label.strip() for names in GROUPED.findall(expression) for label in names.split(",") if label.strip()}
    assert grouped <= labels, place
    assert expression.count("(") == expression.count(")")
    assert expression.count("{") == expression.count("}")


def test_a_name_that_nothing_shows_is_noticed() -> None:
    assert labels_of("shopsight_http_requests") is None, "a counter is asked for by its whole name"
    assert labels_of("shopsight_http_request_duration_seconds") is None, "a histogram by its buckets"
    with pytest.raises(AssertionError, match="no service shows shopsight_nothing"):
        test_every_expression_names_series_and_labels_that_a_service_shows("x", "rate(shopsight_nothing[5m]) > 0")
    with pytest.raises(AssertionError, match="shopsight_answers_total"):
        test_every_expression_names_series_and_labels_that_a_service_shows("x", 'shopsight_answers_total{route="/"}')


def test_the_values_that_expressions_ask_for_exist() -> None:
    from serving.http.problems import CODES

    source = "".join(path.read_text() for path in (REPO_ROOT / "serving" / "http").glob("*.py"))
    exist = {
        "status": {f"{kind}xx" for kind in range(1, 6)} | {"none"},
        "reason": set(CODES.values()) | set(re.findall(r'code="(\w+)"', source)),
        "where": {"connection", "guard"},
        "fallback": {"none", "session_alone", "base_rate", *Fallback.__args__},  # type: ignore[attr-defined]
        "outcome": {"accepted", "duplicate", "rejected"},
        "state": {"open", "sealed", "damaged"},
        "job": {"shopsight"},
    }
    for place, expression in expressions():
        for _, selectors in METRIC.findall(expression):
            for label, text in MATCHED.findall(selectors):
                if label in exist:
                    assert set(text.split("|")) <= exist[label], f"{place}: {label}"


def test_each_alert_says_what_it_is_about_how_grave_it_is_and_where_its_runbook_is() -> None:
    assert len({alert["alert"] for alert in ALERTS}) == len(ALERTS) > 10
    for alert in ALERTS:
        notes = alert["annotations"]
        assert notes.keys() == {"summary", "description", "runbook_url"}, alert["alert"]
        assert all(notes.values())
        assert alert["labels"]["severity"] in {"critical", "warning", "info"}
        assert notes["runbook_url"] == f"docs/runbooks.md#{alert['alert'].lower()}"
        quoted = set(re.findall(r"\$labels\.(\w+)", notes["summary"] + notes["description"]))
        assert quoted <= OF_THE_SCRAPE | {"family", "version", "baseline"}


def test_each_alert_has_a_section_with_what_it_means_where_to_look_and_what_to_do() -> None:
    sections = dict(re.findall(r"^## (Shopsight\w+)\n(.*?)(?=^## |\Z)", RUNBOOKS, flags=re.MULTILINE | re.DOTALL))
    assert sections.keys() == {alert["alert"] for alert in ALERTS}
    for name, text in sections.items():
        assert re.findall(r"^\*\*(\w+)\.\*\*", text, flags=re.MULTILINE) == ["Means", "Look", "Do"], name


def test_prometheus_scrapes_each_service_where_it_listens_unless_somebody_says_otherwise() -> None:
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    assert config["rule_files"] == ["alerts.yml"]
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "shopsight"
    targets = {one["labels"]["service"]: one["targets"] for one in job["static_configs"]}
    ports = {name: Settings.model_fields[service.port_setting].default for name, service in SERVICES.items()}
    assert targets == {name: [f"127.0.0.1:{port}"] for name, port in ports.items()}


def test_the_dashboard_is_one_that_grafana_can_import() -> None:
    assert {"title", "uid", "schemaVersion", "panels", "templating"} <= DASHBOARD.keys()
    assert [one["name"] for one in DASHBOARD["templating"]["list"]] == ["datasource", "service"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids)) > 15
    places: list[tuple[int, int, int, int]] = []
    for panel in DASHBOARD["panels"]:
        grid = panel["gridPos"]
        assert grid["x"] + grid["w"] <= 24
        here = (grid["x"], grid["x"] + grid["w"], grid["y"], grid["y"] + grid["h"])
        left, right, top, bottom = here
        assert not [one for one in places if left < one[1] and one[0] < right and top < one[3] and one[2] < bottom]
        places.append(here)
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["targets"]


def test_every_metric_of_the_page_is_on_the_dashboard() -> None:
    text = " ".join(expression for _, expression in expressions())
    missing = [name for name in promised() if name not in text]
    assert missing == []
