"""What a consent permits is said in one place, and the places that repeat it say the same."""

import ast
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from shopsight.consent import CONSENTS, PERSONAL_EXPORTS, TAG, UNSTATED, USES, allows
from shopsight.contracts import EXPORTED_BY_MODELS
from shopsight.feature_store.definitions import feature_repository
from shopsight.settings import REPO_ROOT

DBT = REPO_ROOT / "dbt_project"
MARTS = sorted((DBT / "models" / "marts").rglob("*.sql"), key=lambda path: path.stem)
OF_SHOPPERS = {"user_id", "session_id"}


def model(path: Path) -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load(path.with_suffix(".yml").read_text())["models"][0]
    return described


def use(path: Path) -> str:
    (tag,) = [tag for tag in model(path)["config"]["tags"] if tag.startswith("consent_")]
    return str(tag.removeprefix("consent_"))


def test_the_strictest_comes_last_and_what_says_nothing_permits_most() -> None:
    permitted = [USES[consent] for consent in CONSENTS]
    assert all(more > less for more, less in pairwise(permitted))
    assert CONSENTS[0] == UNSTATED
    assert [consent for consent in CONSENTS if allows(consent, "personal")] == ["granted"]


def test_the_macro_of_the_warehouse_says_what_the_code_says() -> None:
    (table,) = re.findall(r"return\((\{.*?\})\)", (DBT / "macros" / "consent.sql").read_text(), re.DOTALL)
    permitted = ast.literal_eval(table)
    assert list(permitted) == list(reversed(CONSENTS))
    assert {consent: frozenset(uses) for consent, uses in permitted.items()} == USES


def test_no_other_sql_names_a_consent() -> None:
    named = re.compile(r"'(?:" + "|".join(CONSENTS) + ")'")
    files = [file for folder in ("models", "macros", "tests") for file in (DBT / folder).rglob("*.sql")]
    assert [file.name for file in files if named.search(file.read_text())] == ["consent.sql"]


def test_the_page_on_privacy_says_what_the_code_says() -> None:
    page = (REPO_ROOT / "docs" / "privacy.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \| (yes|no) \| (yes|no) \|$", page, re.MULTILINE)
    said = {
        consent: {name for name, word in zip(("records", "totals", "personal"), words, strict=True) if word == "yes"}
        for consent, *words in rows
    }
    assert said == USES
    for name in ("records", "totals", "personal"):
        (listed,) = re.findall(rf"^\| {name} \| (.*) \|$", page, re.MULTILINE)
        marts = set(re.findall(r"`(\w+)`", listed)) - {"not_profiled"} - set(EXPORTED_BY_MODELS)
        assert marts == {path.stem for path in MARTS if use(path) == name}, name


@pytest.mark.parametrize("mart", MARTS, ids=lambda path: path.stem)
def test_a_mart_says_its_use_and_a_personal_one_is_searched_for_who_forbids_it(mart: Path) -> None:
    described = model(mart)
    keys = OF_SHOPPERS & {column["name"] for column in described["columns"]}
    tests = [test for test in described.get("data_tests", []) if "only_consenting" in test]
    if use(mart) == "personal":
        assert keys
        (test,) = tests
        assert test["only_consenting"]["arguments"]["column_name"] == ("user_id" if "user_id" in keys else "session_id")
    else:
        assert tests == []


def test_the_personal_exports_are_the_personal_marts_and_what_models_say_or_show_to_a_shopper() -> None:
    personal = {path.stem for path in MARTS if use(path) == "personal"}
    assert set(PERSONAL_EXPORTS) - personal == {"churn_scores", "user_groups", "user_embeddings", "shown_lists"}
    assert personal <= set(PERSONAL_EXPORTS)


@pytest.mark.usefixtures("home")
def test_a_feature_view_has_the_use_of_its_mart_and_one_of_a_shopper_is_personal() -> None:
    from feast import FeatureView

    uses = {path.stem: use(path) for path in MARTS}
    with feature_repository() as modules:
        views = [view for module in modules.values() for view in vars(module).values() if isinstance(view, FeatureView)]
    assert len(views) > 10
    for view in views:
        assert view.tags[TAG] == uses.get(view.tags.get("mart", ""), view.tags[TAG]), view.name
        assert (view.tags[TAG] == "personal") == bool(OF_SHOPPERS & set(view.join_keys)), view.name
