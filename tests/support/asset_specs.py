"""Every asset of the code location as text, so that a change of one is read in a review; `make snapshots` writes it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from orchestration.definitions import defs

SNAPSHOT = Path(__file__).parents[1] / "repository" / "asset_specs.txt"
HEAD = "# What the web UI shows of each asset. Written by `make snapshots`; compared by tests/repository.\n"


def described(definitions: dg.Definitions) -> str:
    """Return a paragraph for each asset, in the order of their keys."""
    checks: dict[dg.AssetKey, list[str]] = {}
    for check in definitions.resolve_asset_graph().asset_check_keys:
        checks.setdefault(check.asset_key, []).append(check.name)
    specs = sorted(definitions.resolve_all_asset_specs(), key=lambda spec: spec.key)
    return HEAD + "".join(f"\n{chr(10).join(_lines(spec, checks.get(spec.key, [])))}\n" for spec in specs)


def _lines(spec: dg.AssetSpec, checks: list[str]) -> Iterator[str]:
    yield spec.key.to_user_string()
    first_line, *_ = (spec.description or "").strip().splitlines() or [""]
    for name, value in (
        ("description", first_line),
        ("group", spec.group_name or ""),
        ("kinds", ", ".join(sorted(spec.kinds))),
        ("owners", ", ".join(spec.owners)),
        ("after", ", ".join(sorted(dep.asset_key.to_user_string() for dep in spec.deps))),
        ("checks", ", ".join(sorted(checks))),
        ("automation", str(spec.automation_condition or "")),
    ):
        if value:
            yield f"    {name:<12}{value}"


if __name__ == "__main__":
    SNAPSHOT.write_text(described(defs()))
    sys.stderr.write(f"wrote {SNAPSHOT}\n")
