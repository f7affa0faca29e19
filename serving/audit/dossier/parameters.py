"""What decides an answer most, as the law asks of rankings: Regulation (EU) 2019/1150, article 5, and 2022/2065, 27."""

from typing import Final

from serving.audit.dossier.document import Section, Table, Writer
from serving.audit.dossier.sources import step

STRONGEST: Final = 15
"""Features that are named, the strongest first."""


def parameters(writer: Writer) -> Section:
    """Return the section about the main parameters."""
    section = Section(title=writer.words("section.parameters"), blocks=[writer.say("parameters_intro")])
    match writer.sources.family:
        case "recommender":
            _of_lists(writer, section)
        case "intent":
            _of_texts(writer, section)
        case _:
            _of_features(writer, section)
    return section


def _of_lists(writer: Writer, section: Section) -> None:
    words, sources = writer.words, writer.sources
    section.blocks.append(writer.say("ranking.sum"))
    views = sources.keys("card.json#/weights")
    section.blocks.append(
        Table(
            headings=[words(f"heading.{name}") for name in ("view", "knows", "weight")],
            rows=[
                ((view,), (words.get(f"view.{view}", view),), (writer.figure(f"card.json#/weights/{step(view)}"),))
                for view in views
            ],
        )
        if views
        else writer.say("ranking.no_weights")
    )
    section.blocks.append(
        [writer.say(f"ranking.{name}") for name in ("events", "stock", "bought", "payment", "impersonal")]
    )
    section.blocks.append(
        writer.say(
            "ranking.rules",
            count=writer.figure("rules#/count", "count"),
            sha256=writer.figure("rules#/sha256", "text"),
        )
    )
    if sources.keys("rules#/rules"):
        section.blocks.append(
            Table(
                headings=[words("heading.rule"), words("heading.does")],
                rows=[
                    (
                        (writer.figure(f"rules#/rules/{place}/name", "text"),),
                        (writer.figure(f"rules#/rules/{place}/kind", "term.kind"),),
                    )
                    for place in sources.keys("rules#/rules")
                ],
            )
        )
    section.blocks.append(
        writer.values(
            ("less_popular", "rules#/less_popular", "plain"),
            ("new_items", "rules#/new_items", "share"),
            ("explore", "rules#/explore", "share"),
        )
    )


def _of_texts(writer: Writer, section: Section) -> None:
    section.blocks.append(writer.say("texts.words"))
    labels = writer.sources.keys("card.json#/per_label")
    if labels:
        kinds = ("precision", "recall", "f1")
        section.blocks.append(
            Table(
                headings=[writer.words("heading.label"), *(writer.words(f"heading.{kind}") for kind in kinds)],
                rows=[
                    (
                        (label,),
                        *((writer.figure(f"card.json#/per_label/{step(label)}/{kind}", "figure"),) for kind in kinds),
                    )
                    for label in labels
                ],
            )
        )
    section.blocks.append(writer.values(("chosen_epoch", "card.json#/chosen_epoch", "plain")))


def _of_features(writer: Writer, section: Section) -> None:
    names = writer.sources.keys("card.json#/importance")
    if not names:
        section.blocks.append(writer.say("features.none"))
        return
    section.blocks.append(writer.say("features.intro", all=writer.figure("card.json#/importance", "size")))
    rows = []
    for name in names[:STRONGEST]:
        place = f"card.json#/importance/{step(name)}"
        inner = f"{place}/mean_contribution" if writer.sources.keys(place) else place
        rows.append((writer.named("feature", name), (writer.figure(inner, "figure"),)))
    section.blocks.append(
        Table(headings=[writer.words("heading.feature"), writer.words("heading.contribution")], rows=rows)
    )
