"""Every file of the exports folder is explained to whoever finds it there."""

import yaml

from shopsight.contracts import EXPORTED_BY_MODELS, EXPORTED_MARTS
from shopsight.settings import REPO_ROOT


def exported_marts() -> set[str]:
    """Return the dbt models that are exported: those whose `sorted_by` says in which order."""
    documents = [yaml.safe_load(path.read_text()) for path in (REPO_ROOT / "dbt_project/models/marts").rglob("*.yml")]
    models = [model for document in documents for model in document.get("models", ())]
    return {model["name"] for model in models if "sorted_by" in model.get("config", {}).get("meta", {})}


def test_every_export_is_in_the_document_of_the_marts() -> None:
    document = (REPO_ROOT / "docs" / "marts.md").read_text()
    exports = exported_marts() | set(EXPORTED_BY_MODELS)
    assert len(exports) > 40
    assert {name for name in exports if f"`{name}`" not in document} == set()


def test_what_services_and_trainings_read_is_exported() -> None:
    assert set(EXPORTED_MARTS) <= exported_marts()
