"""Who decided about a version and by which rules, and what changed since the version before."""

from typing import Final

from serving.audit.dossier.document import Section, Table, Writer
from serving.audit.dossier.sources import step
from serving.audit.dossier.wording import Part, Parts

SAYS: Final = ("approver", "requester", "reason", "eligible", "reasons", "tag")
"""What is told of a record beside its action, moment and version."""


def oversight(writer: Writer) -> Section:
    """Return the section about the people and the rules that a version has to pass."""
    words, sources = writer.words, writer.sources
    section = Section(title=words("section.oversight"), blocks=[writer.say("oversight_intro")])
    section.blocks.append([writer.say(f"oversight.{name}") for name in ("gate", "person", "rollback", "log", "drift")])
    rules = sources.keys("gate#/rules")
    section.blocks.append(
        writer.say("gate_again", eligible=writer.figure("gate#/eligible", "term.yesno"))
        if rules
        else writer.say("gate_unknown")
    )
    if rules:
        section.blocks.append(
            Table(
                headings=[words(f"heading.{name}") for name in ("rule", "outcome", "sentence")],
                rows=[
                    (
                        (writer.figure(f"gate#/rules/{place}/rule", "term.rule"),),
                        (writer.figure(f"gate#/rules/{place}/outcome", "term.outcome"),),
                        (writer.figure(f"gate#/rules/{place}/sentence", "text"),),
                    )
                    for place in rules
                ],
            )
        )
    section.blocks.append(writer.say("decisions_intro"))
    section.blocks.append(
        Table(
            headings=[words(f"heading.{name}") for name in ("record", "at", "version", "action", "says")],
            rows=[
                (
                    (writer.figure(f"journal#/{number}/number", "count"),),
                    (writer.figure(f"journal#/{number}/at", "moment"),),
                    (writer.figure(f"journal#/{number}/version", "text"),),
                    (writer.figure(f"journal#/{number}/action", "term.action"),),
                    _said(writer, number),
                )
                for number in sources.records
            ],
        )
    )
    bentos = sources.keys("registry#/bentos")
    if bentos:
        section.blocks.append(writer.say("bentos_intro"))
        section.blocks.append(
            Table(
                headings=[words("heading.bento"), words("heading.sha256")],
                rows=[
                    (
                        (writer.figure(f"registry#/bentos/{place}/tag", "text"),),
                        (writer.figure(f"registry#/bentos/{place}/manifest", "text"),),
                    )
                    for place in bentos
                ],
            )
        )
    return section


def changes(writer: Writer) -> Section:
    """Return the section about what differs from the version before."""
    words, sources = writer.words, writer.sources
    section = Section(title=words("section.changes"))
    former = sources.former
    if former is None:
        section.blocks.append(writer.say("changes_none"))
        return section
    name = former.version
    section.blocks.append(writer.say("changes_intro", former=writer.figure("registry#/former", "text")))
    section.blocks.append(
        Table(
            headings=[words("heading.metric"), words("heading.this"), words("heading.former")],
            rows=[
                (
                    (metric,),
                    writer.estimate(f"evaluation.json#/metrics/{step(metric)}"),
                    writer.estimate(f"{name}:evaluation.json#/metrics/{step(metric)}"),
                )
                for metric in sources.keys("evaluation.json#/metrics")
            ],
        )
    )
    section.blocks.append(writer.say("changes_note"))
    rows = [
        ((label,), (here,), (there,))
        for part in ("settings", "config", "code", "data_window", "seed", "feature_service", "rows")
        for label, here, there in _differing(writer, part, name)
    ]
    section.blocks.append(
        Table(headings=[words("heading.what"), words("heading.this"), words("heading.former")], rows=rows)
        if rows
        else writer.say("changes_same")
    )
    return section


def _differing(writer: Writer, part: str, former: str) -> list[tuple[str, Part, Part]]:
    here, there = f"card.json#/{part}", f"{former}:card.json#/{part}"
    tails = {
        f"{part}.{name}": place.removeprefix(one) for one in (here, there) for name, place in writer.sources.leaves(one)
    }
    differing: list[tuple[str, Part, Part]] = []
    for label, tail in (tails or {part: ""}).items():
        pair = writer.figure(here + tail), writer.figure(there + tail)
        if pair[0].text != pair[1].text:
            differing.append((label, *pair))
    return differing


def _said(writer: Writer, number: int) -> Parts:
    """Return what else a record says, such as who approved and why."""
    parts: list[Part] = []
    for name in SAYS:
        place = f"journal#/{number}/{name}"
        below = writer.sources.keys(place)
        for one in [f"{place}/{key}" for key in below] if below else [place]:
            if writer.said(one) and not isinstance(writer.sources.value(one), list):
                style = "term.yesno" if name == "eligible" else "text"
                parts += ["; " if parts else "", writer.words(f"says.{name}"), " ", writer.figure(one, style)]
    return tuple(part for part in parts if part)
