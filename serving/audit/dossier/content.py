"""What a dossier says of a version: purpose, limits, data, training, figures, parameters, oversight, changes."""

from collections.abc import Iterator

from models.registry.journal import JournalHead
from serving.audit.dossier.document import Dossier, Section, Table, Writer
from serving.audit.dossier.oversight import changes, oversight
from serving.audit.dossier.parameters import parameters
from serving.audit.dossier.sources import Sources, step
from serving.audit.dossier.wording import Parts, Words
from shopsight.settings import Settings


def dossier(settings: Settings, family: str, version: str, *, language: str, head: JournalHead) -> Dossier:
    """Return the dossier of a version, as of a moment of the registry's journal.

    The same registry, marts and rules give the same document, to the letter.

    Args:
        settings: of the home.
        family: the model family.
        version: such as ``v0003``.
        language: one of :data:`serving.audit.dossier.wording.LANGUAGES`.
        head: how far the journal had come.

    Raises:
        UnknownVersionError: there was no such version by then.
        ArtefactChangedError: a file of the version is not what was registered.
        JournalBrokenError: the journal is not what it was.
        ShopsightError: there is no such language.
    """
    words = Words(language)
    writer = Writer(words, Sources(settings, family, version, head))
    sections = [
        _summary(writer),
        _purpose(writer),
        _limits(writer),
        _data(writer),
        _training(writer),
        _figures(writer),
        parameters(writer),
        oversight(writer),
        changes(writer),
    ]
    return Dossier(
        family=family,
        version=version,
        language=language,
        head=str(head),
        title=words.sentence("title", family=words(f"family.{family}"), version=writer.figure("registry#/version")),
        sections=[*sections, _evidence(writer)],
    )


def _summary(writer: Writer) -> Section:
    rows = [
        ("version", "registry#/version", "text"),
        ("status", "registry#/status", "term.status"),
        ("chosen", "evaluation.json#/candidate", "text"),
        ("registered_at", "registry#/created_at", "moment"),
        ("registered_by", "registry#/requester", "text"),
        ("eligible", "registry#/eligible", "term.yesno"),
        ("shopsight", "card.json#/code/shopsight", "text"),
        ("commit", "card.json#/code/commit", "text"),
        ("sources_sha256", "card.json#/code/sources_sha256", "text"),
    ]
    as_of = writer.say(
        "as_of",
        records=writer.figure("registry#/records", "count"),
        at=writer.figure("registry#/last_at", "moment"),
        head=writer.figure("registry#/head", "text"),
    )
    blocks: list[Parts | Table | list[Parts]] = [writer.values(*rows), as_of]
    if writer.sources.version.evaluation.is_baseline:
        blocks.append(writer.say("is_baseline"))
    return Section(title=writer.words("section.summary"), blocks=blocks)


def _purpose(writer: Writer) -> Section:
    family = writer.sources.family
    service = writer.say("feature_service", name=writer.figure("registry#/feature_service", "text"))
    return Section(
        title=writer.words("section.purpose"),
        blocks=[writer.say(f"purpose.{family}"), writer.say(f"used_by.{family}"), service],
    )


def _limits(writer: Writer) -> Section:
    section = Section(title=writer.words("section.limits"))
    for kind in ("refuses", "limits"):
        section.blocks.append(writer.say(f"{kind}_intro"))
        section.blocks.append(list(_statements(writer, kind)) or writer.say("none_stated"))
    return section


def _statements(writer: Writer, kind: str) -> Iterator[Parts]:
    """Yield what the card states: in its own words where the language is theirs or has no others for it."""
    for name in writer.sources.keys(f"card.json#/{kind}"):
        translated = writer.words.get(f"statement.{writer.sources.family}.{kind}.{name}")
        yield (translated,) if translated else (writer.figure(f"card.json#/{kind}/{step(name)}", "text"),)


def _data(writer: Writer) -> Section:
    sources = writer.sources
    section = Section(title=writer.words("section.data"), blocks=[writer.say("data_intro")])
    rows = [
        ("window_start", "card.json#/data_window/0", "moment"),
        ("window_end", "card.json#/data_window/1", "moment"),
        ("batches", "card.json#/data_snapshot/event_log/batches", "count"),
        ("batches_sha256", "card.json#/data_snapshot/event_log/sha256", "text"),
        ("marts_sha256", "card.json#/data_snapshot/marts_sha256", "text"),
        ("warehouse_sha256", "card.json#/provenance/warehouse_models_sha256", "text"),
    ]
    section.blocks.append(writer.values(*rows))
    counted = [(name, place) for name in ("rows", "users", "items") for name, place in _counts(writer, name)]
    headings = (writer.words("heading.what"), writer.words("heading.value"))
    section.blocks.append(
        Table(headings=headings, rows=[((name,), (writer.figure(place, "count"),)) for name, place in counted])
    )
    files = "card.json#/data_snapshot/files"
    section.blocks.append(
        Table(
            headings=[writer.words(f"heading.{name}") for name in ("file", "rows", "sha256")],
            rows=[
                (
                    (name,),
                    (writer.figure(f"{files}/{step(name)}/rows", "count"),),
                    (writer.figure(f"{files}/{step(name)}/sha256", "text"),),
                )
                for name in sources.keys(files)
            ],
        )
    )
    section.blocks.append(writer.say("marts_now", sha256=writer.figure("marts#/sha256", "text")))
    section.blocks.append(
        Table(
            headings=[writer.words(f"heading.{name}") for name in ("mart", "rows")],
            rows=[((name,), (writer.figure(f"marts#/rows/{name}", "count"),)) for name in sources.keys("marts#/rows")],
        )
    )
    section.blocks.append(writer.say("personal_data"))
    return section


def _counts(writer: Writer, name: str) -> Iterator[tuple[str, str]]:
    """Yield the label and evidence of every count that the card has under a name, whatever parts it is told by."""
    evidence = f"card.json#/{name}"
    if writer.sources.keys(evidence):
        yield from ((f"{name}.{inner}", place) for inner, place in writer.sources.leaves(evidence))
    elif writer.said(evidence):
        yield name, evidence
    if name == "rows":
        for fold in writer.sources.keys("card.json#/folds"):
            for part in ("rows", "sessions", "sessions_with_purchase", "users"):
                yield f"folds.{fold}.{part}", f"card.json#/folds/{step(fold)}/{part}"


def _training(writer: Writer) -> Section:
    settings = "settings" if writer.sources.keys("card.json#/settings") else "config"
    rows = [
        ("seed", "card.json#/seed", "plain"),
        ("device", "card.json#/device", "text"),
        ("precision", "card.json#/precision", "text"),
        ("train_seconds", "card.json#/train_seconds", "plain"),
        ("run", "card.json#/provenance/trained_in_run", "text"),
    ]
    return Section(
        title=writer.words("section.training"),
        blocks=[writer.values(*rows), writer.say("settings_intro"), writer.leaves(f"card.json#/{settings}")],
    )


def _figures(writer: Writer) -> Section:
    sources, words = writer.sources, writer.words
    section = Section(title=words("section.figures"))
    if writer.said("evaluation.json#/not_evaluable"):
        section.blocks.append(writer.say("not_evaluable", why=writer.figure("evaluation.json#/not_evaluable", "text")))
        return section
    section.blocks.append(
        writer.say(
            "figures_intro",
            cases=writer.figure("evaluation.json#/cases", "count"),
            metric=writer.figure("evaluation.json#/primary_metric", "text"),
        )
    )
    section.blocks.append(writer.say("protocol", text=writer.figure("evaluation.json#/protocol", "text")))
    section.blocks.append(_estimates(writer, "evaluation.json#/metrics", "metric"))
    primary = step(writer.sources.version.evaluation.primary_metric)
    for part in ("baselines", "slices"):
        names = sources.keys(f"evaluation.json#/{part}")
        section.blocks.append(writer.say(f"{part}_intro" if names else f"{part}_none"))
        if names:
            section.blocks.append(
                Table(
                    headings=[words(f"heading.{part}"), words("heading.metric"), words("heading.estimate")],
                    rows=[
                        ((name,), (metric,), writer.estimate(f"evaluation.json#/{part}/{step(name)}/{step(metric)}"))
                        for name in names
                        for metric in sources.keys(f"evaluation.json#/{part}/{step(name)}")
                        if part == "slices" or step(metric) == primary
                    ],
                )
            )
    if sources.keys("evaluation.json#/gains"):
        section.blocks.append(writer.say("gains_intro"))
        section.blocks.append(_estimates(writer, "evaluation.json#/gains", "baseline"))
    return section


def _estimates(writer: Writer, evidence: str, group: str) -> Table:
    return Table(
        headings=(writer.words(f"heading.{group}"), writer.words("heading.estimate")),
        rows=[
            (writer.named(group, name), writer.estimate(f"{evidence}/{step(name)}"))
            for name in writer.sources.keys(evidence)
        ],
    )


def _evidence(writer: Writer) -> Section:
    files = "registry#/files"
    return Section(
        title=writer.words("section.evidence"),
        blocks=[
            writer.say("evidence_intro"),
            Table(
                headings=[writer.words("heading.file"), writer.words("heading.sha256")],
                rows=[
                    ((name,), (writer.figure(f"{files}/{step(name)}", "text"),)) for name in writer.sources.keys(files)
                ],
            ),
        ],
    )
