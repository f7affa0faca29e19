"""What is mutated, area by area, and which tests have to notice."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Area:
    """A part of the code and the tests that hold its values."""

    sources: tuple[str, ...]
    """Globs of the files that are mutated."""
    tests: tuple[str, ...]
    """Files and folders of tests, in the order in which they are run."""

    def files(self, root: Path) -> list[Path]:
        """Return the files that are mutated, in alphabetical order."""
        return sorted(path for glob in self.sources for path in root.glob(glob) if path.name != "__init__.py")


AREAS = {
    "evaluation": Area(
        sources=("models/evaluation/*.py",),
        tests=("tests/unit/evaluation", "tests/unit/approval", "tests/unit/intent/test_intent_drift.py"),
    ),
    "registry": Area(sources=("models/registry/*.py",), tests=("tests/unit/registry", "tests/unit/approval")),
    "recommender": Area(
        sources=("models/recommender/**/*.py",),
        tests=(
            "tests/unit/recommender",
            "tests/unit/serving/recommender",
            "tests/integration/test_recommender_training.py",
            "tests/integration/test_recommender_search.py",
        ),
    ),
    "churn": Area(sources=("models/churn/*.py",), tests=("tests/unit/churn", "tests/unit/serving/churn")),
    "purchase_intent": Area(
        sources=("models/purchase_intent/*.py",),
        tests=("tests/unit/purchase_intent", "tests/unit/serving/purchase_intent"),
    ),
    "serving": Area(
        sources=("serving/**/*.py",), tests=("tests/unit/serving", "tests/repository/test_promised_defaults.py")
    ),
    "ingestion": Area(
        sources=("shopsight/ingestion/**/*.py",),
        tests=(
            "tests/unit/ingestion",
            *(
                f"tests/integration/test_ingestion_{name}.py"
                for name in (
                    "mapping",
                    "mapping_orders",
                    "guessing",
                    "checking",
                    "whole_file",
                    "numbers",
                    "people",
                    "event_log",
                    "replay",
                    "formats",
                    "native_formats",
                    "shop_systems",
                    "landing",
                )
            ),
        ),
    ),
    "feature_store": Area(sources=("shopsight/feature_store/*.py",), tests=("tests/integration/feature_store",)),
    "dbt": Area(
        sources=("dbt_project/models/**/*.sql", "dbt_project/macros/measures.sql"),
        tests=tuple(
            f"tests/integration/test_dbt_{name}.py" for name in ("oracle", "money", "marts", "analytics", "incremental")
        ),
    ),
}
