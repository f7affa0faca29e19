"""Write ``docs/benchmarks.md``, and the table of figures in ``README.md``, from what the benchmarks wrote.

    python -m benchmarks.tone --reviews FILE --json benchmarks/results/tone_all_beauty.json
    shopsight status --json | python -m benchmarks.report --sample-shop -
    python -m benchmarks.report

``benchmarks/results/rows.yaml`` holds the words of the page: what each row is, what was wanted, why it falls short.
Its figures come from ``benchmarks/results/<document>.json``. Where a benchmark was not run again since version 0.1,
they are those that version published, in ``benchmarks/results/v0.1/<name>.json``, and the page says so.
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.cells import NoSuchFigureError, fill
from benchmarks.output import describe_run
from shopsight.settings import REPO_ROOT
from shopsight.whole_files import replaced, write_json

RESULTS: Final = REPO_ROOT / "benchmarks" / "results"
PAGE: Final = REPO_ROOT / "docs" / "benchmarks.md"
README: Final = REPO_ROOT / "README.md"
BEGIN, END = "<!-- written by `python -m benchmarks.report`: -->", "<!-- end of what it wrote -->"
SAMPLE_SHOP: Final = "sample_shop.json"


def page(results: Path = RESULTS) -> str:
    """Return the page of all figures."""
    words = yaml.safe_load((results / "rows.yaml").read_text())
    parts = ["# Figures", words["introduction"].strip(), "## The sample shop", sample_shop_table(results)]
    parts.append(f"{words['sample_shop'].strip()} ({_origin(json.loads((results / SAMPLE_SHOP).read_text()))})")
    for subject in words["subjects"]:
        parts += [f"## {subject['subject']}", *_tables(subject["rows"], results)]
        parts += [table for row in subject["rows"] for table in _each_contender(row, words["contenders"], results)]
        parts += [subject["closing"].strip()] if "closing" in subject else []
    return "\n\n".join(parts) + "\n"


def sample_shop_table(results: Path = RESULTS) -> str:
    """Return the table of the models on the sample shop."""
    words = yaml.safe_load((results / "rows.yaml").read_text())
    models = json.loads((results / SAMPLE_SHOP).read_text())["models"]
    lines = ["| question | served model | figure [95% interval] | beside it |", "|---|---|---|---|"]
    for row in words["sample_shop_rows"]:
        model = models[row["family"]]
        served = " + ".join(words["contenders"].get(name, name) for name in _parts(model["champion"]))
        cells = [row["question"], served, _filled(row, "figure", model), _filled(row, "beside", model, bold=False)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def readme(text: str, results: Path = RESULTS) -> str:
    """Return the README's ``text`` with the table of the sample shop between its two marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{sample_shop_table(results)}\n{END}{after}"


def _parts(champion: str) -> list[str]:
    """Return the names of the models that are blended, without the epoch at which training was stopped."""
    return [re.sub(r"_epoch_\d+$", "", name) for name in champion.split("+")]


def _tables(rows: list[Mapping[str, Any]], results: Path) -> list[str]:
    """Return the table of a subject's rows, and the list of how each was measured and where it falls short."""
    table, notes = ["| what | figure [95% interval] | beside it | wanted |", "|---|---|---|---|"], []
    for row in rows:
        figure, beside, origin = _figures(row, results)
        table.append(f"| {row['what']} | {figure} | {beside} | {row.get('wanted', '')} |")
        notes.append(f"- **{row['what']}.** {row['how']}")
        notes += [f"    - Where it falls short: {_short(row, results)}"] if "short" in row else []
        notes.append(f"    - `{row['command']}` ({origin})")
    return ["\n".join(table), "How each row was measured:", "\n".join(notes)]


def _each_contender(row: Mapping[str, Any], names: Mapping[str, str], results: Path) -> list[str]:
    """Return a table of the blend and of each model beside it, best first, where the row asks for one."""
    written = results / f"{row['name']}.json"
    if "contenders" not in row or not written.exists():
        return []
    document = json.loads(written.read_text())
    asked: Mapping[str, str] = row["contenders"]["metrics"]
    alone = {name: one for part in row["contenders"]["of"] for name, one in document[part].items()}
    best_first = sorted(alone, key=lambda name: -alone[name][next(iter(asked))])
    lines = [f"{row['what']}, each model by itself:", "", f"| model | {' | '.join(asked.values())} |"]
    lines += ["|---|" + "---|" * len(asked), _contender("**the blend**", document, asked)]
    lines += [_contender(names.get(name, name.replace("_", " ")), alone[name], asked) for name in best_first]
    return ["\n".join(lines)]


def _contender(name: str, figures: dict[str, Any], metrics: Mapping[str, str]) -> str:
    return f"| {name} | {' | '.join(fill(f'{{{metric}:4}}', figures, bold=False) for metric in metrics)} |"


def _figures(row: Mapping[str, Any], results: Path) -> tuple[str, str, str]:
    """Return the figure, those beside it, and where they come from."""
    written = results / f"{row.get('document', row['name'])}.json"
    if written.exists():
        document = json.loads(written.read_text())
        return _filled(row, "figure", document), _filled(row, "beside", document, bold=False), _origin(document)
    earlier = json.loads((results / "v0.1" / f"{row['name']}.json").read_text())
    return earlier["figure"], earlier["beside"], f"{earlier['transcribed_from']}; not run again since"


def _short(row: Mapping[str, Any], results: Path) -> str:
    """Return why a row falls short, with the figures that it names."""
    written = results / f"{row.get('document', row['name'])}.json"
    if not written.exists():
        return str(row["short"])
    return _filled(row, "short", json.loads(written.read_text()), bold=False)


def _filled(row: Mapping[str, Any], cell: str, document: dict[str, Any], *, bold: bool = True) -> str:
    try:
        return fill(row[cell], document, bold=bold)
    except NoSuchFigureError as error:
        raise SystemExit(f"row {row.get('name') or row['family']} of rows.yaml, {cell}: {error}") from error


def _origin(document: Mapping[str, Any]) -> str:
    run, machine = document["run"], document["run"]["machine"]
    shared = machine["load"] > machine["cores"]
    where = f"{machine['cores']} cores, {machine['memory_gib']} GiB"
    return f"{run['date']}, commit {run['commit']}, {where}{', shared with other work' if shared else ''}"


def keep_sample_shop(status: Mapping[str, Any], results: Path = RESULTS) -> None:
    """Store what ``shopsight status --json`` printed, without the paths of this machine."""
    run = describe_run(sys.orig_argv) | {"command": "make demo"}
    document = {"events": status["events"], "models": status["models"], "run": run}
    write_json(results / SAMPLE_SHOP, document)


def main() -> None:
    """Write the page and the README's table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample-shop", metavar="FILE", help="first keep this output of shopsight status --json; or -")
    source = parser.parse_args().sample_shop
    if source:
        keep_sample_shop(json.loads(sys.stdin.read() if source == "-" else Path(source).read_text()))
    for path, text in ((PAGE, page()), (README, readme(README.read_text()))):
        with replaced(path) as staging:
            staging.write_text(text)


if __name__ == "__main__":
    main()
