"""The week in words, English or Chinese; each sentence has its numbers from one finding, and names it."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from models.insights.findings import KINDS, Finding, Week

Language = Literal["en", "zh"]
MAX_SENTENCES: Final = 5
"""Of each kind; the mart has the others."""

TITLES: Final[Mapping[Language, str]] = {"en": "The week from {begins}", "zh": "{begins} 起的一周"}
HEADINGS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "rising_query": "Searched for more",
        "rising_word": "Words of searches on the rise",
        "rising_category": "Categories on the rise",
        "rising_attribute": "Attributes on the rise",
        "unmet_query": "Searched for and not there",
        "unmet_item": "Looked at and sold out",
        "pain_point": "What shoppers complain of",
        "cannibal": "Items that take one another's sales",
    },
    "zh": {
        "rising_query": "搜索上升",
        "rising_word": "搜索词上升",
        "rising_category": "品类上升",
        "rising_attribute": "属性上升",
        "unmet_query": "有人搜索却没有结果",
        "unmet_item": "有人浏览却已售罄",
        "pain_point": "买家抱怨什么",
        "cannibal": "互相抢销量的商品",
    },
}
NOTHING: Final[Mapping[Language, str]] = {
    "en": "Nothing that is more than noise: {judged} looked at.",
    "zh": "没有超出偶然波动的变化：共检查 {judged} 项。",
}
SILENT: Final[Mapping[Language, str]] = {"en": "Not judged: {why}.", "zh": "无法判断：{why}。"}
WHYS_ZH: Final[Mapping[str, str]] = {
    "rising": "本周没有足够多买家的项目可与前四周比较",
    "unmet_query": "没有足够多买家的无结果搜索",
    "unmet_item": "没有人浏览已售罄的商品",
    "pain_point": "品牌评价太少",
    "cannibal": "没有商品在同类商品在售时连续售罄",
}


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One finding in words."""

    number: int
    """By which the brief refers to it."""
    text: str
    finding: Finding


@dataclass(frozen=True, kw_only=True)
class Section:
    """What there is of one kind."""

    kind: str
    heading: str
    sentences: tuple[Sentence, ...]
    remark: str | None
    """Why there are no sentences; None where there are."""


def brief(week: Week, *, language: Language, name_of: Callable[[str], str]) -> list[Section]:
    """Return the sections of a week, each of its news first.

    Args:
        week: what it has brought.
        language: of the words.
        name_of: what an item is called, by its id.
    """
    sections, number = [], 0
    for kind in KINDS:
        sentences = []
        for finding in week.news(kind)[:MAX_SENTENCES]:
            number += 1
            sentences.append(Sentence(number=number, text=_sentence(finding, language, name_of), finding=finding))
        sections.append(
            Section(
                kind=kind,
                heading=HEADINGS[language][kind],
                sentences=tuple(sentences),
                remark=None if sentences else _remark(week, kind, language),
            )
        )
    return sections


def markdown_of(week: Week, sections: list[Section], *, language: Language) -> str:
    """Return a brief as Markdown, with the query behind each number at its end."""
    lines = [f"# {TITLES[language].format(begins=week.begins)}", ""]
    for section in sections:
        lines += [f"## {section.heading}", ""]
        lines += [f"- {one.text} [{one.number}]" for one in section.sentences] or [section.remark or ""]
        lines.append("")
    numbered = [one for section in sections for one in section.sentences]
    if numbered:
        lines += ["## Rows behind the numbers" if language == "en" else "## 数字背后的数据", ""]
        for one in numbered:
            rows, numbers = (shlex.quote(sql) for sql in (one.finding.rows, one.finding.numbers))
            lines += [f"{one.number}. `shopsight query {rows}`", f"   `shopsight query {numbers}`"]
    return "\n".join(lines).rstrip() + "\n"


def document_of(week: Week, sections: list[Section]) -> dict[str, Any]:
    """Return a brief as JSON has it."""
    return {
        "week": week.begins.isoformat(),
        "judged": week.judged,
        "sections": [
            {
                "kind": section.kind,
                "heading": section.heading,
                "remark": section.remark,
                "sentences": [
                    {"number": one.number, "text": one.text, **_finite(vars(one.finding))} for one in section.sentences
                ],
            }
            for section in sections
        ],
    }


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values without what JSON has no word for: a ratio to nothing."""
    return {name: None if value == float("inf") else value for name, value in values.items()}


def _remark(week: Week, kind: str, language: Language) -> str:
    why = week.silent.get(kind)
    if why is None:
        return NOTHING[language].format(judged=week.judged[kind])
    if language == "zh":
        why = WHYS_ZH["rising" if kind.startswith("rising") else kind]
    return SILENT[language].format(why=why)


def _sentence(one: Finding, language: Language, name_of: Callable[[str], str]) -> str:
    values = {
        "subject": name_of(one.subject) if one.kind in ("unmet_item", "cannibal") else one.subject,
        "other": name_of(one.other or "") if one.kind == "cannibal" else _aspect(one.other, language),
        "count": f"{one.count:,}",
        "of": f"{one.of:,}",
        "span": f"{one.low:.0%}–{one.high:.0%}",
        "times": _times(one, language),
        "else": f"{(one.count_before or 0) / max(one.of_before or 0, 1):.0%}",
    }
    return _FORMS[language]["rising" if one.kind.startswith("rising") else one.kind].format(**values)


def _times(one: Finding, language: Language) -> str:
    if one.value == float("inf"):
        at_least = f"{one.low:.1f}"
        return f"at least {at_least} times" if language == "en" else f"至少 {at_least} 倍"
    high = "∞" if one.high == float("inf") else f"{one.high:.1f}"
    if language == "en":
        return f"{one.value:.1f} times [{one.low:.1f}, {high}]"
    return f"{one.value:.1f} 倍 [{one.low:.1f}, {high}]"


ASPECTS_ZH: Final = {"quality": "质量", "price": "价格", "delivery": "物流", "service": "服务", "fit": "尺码"}


def _aspect(aspect: str | None, language: Language) -> str:
    return ASPECTS_ZH.get(aspect or "", aspect or "") if language == "zh" else aspect or ""


_FORMS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "rising": "{subject}: {count} shoppers of {of}, {times} the share of the four weeks before",
        "unmet_query": "“{subject}” found nothing for {count} of {of} shoppers who searched for it ({span})",
        "unmet_item": "{subject}: {count} shoppers looked at it while it was sold out",
        "pain_point": "{subject}, {other}: {count} of {of} clauses complain ({span}), of other brands {else}",
        "cannibal": "{subject} sells {times} as much a visit while {other} is sold out: {count} purchases then",
    },
    "zh": {
        "rising": "{subject}：{of} 位买家中有 {count} 位，占比是前四周的 {times}",
        "unmet_query": "“{subject}”：搜索它的 {of} 位买家中有 {count} 位没有得到结果（{span}）",
        "unmet_item": "{subject}：售罄期间有 {count} 位买家浏览",
        "pain_point": "{subject} 的{other}：{of} 条评价语句中有 {count} 条抱怨（{span}）；其他品牌为 {else}",
        "cannibal": "{other} 售罄时，{subject} 每次访问的销量是平时的 {times}：期间售出 {count} 次",
    },
}
