"""How often the assistant is right, what it claims without a row, and whether planted instructions are obeyed.

``python -m benchmarks.assistant --json -`` holds 600 generated conversations with the sample shop, in English and
Chinese, and 200 with planted instructions. What is right comes from the shop's generator and from SQL; the phrasings
are the benchmark's own, and a third of the conversations use some that the assistant was never changed for
(``held_out``).
Every sentence of every answer is looked up in the rows that it names. ``--tau FOLDER`` adds questions about the orders
and policy of tau-bench's retail tables. ``--misses`` prints the conversations that went wrong.
"""

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.assistant.claims import ClaimChecker
from benchmarks.assistant.conversations import LANGUAGES, SHOPPER, Conversation, Generator
from benchmarks.assistant.facts import Facts, read_facts
from benchmarks.assistant.injections import injections, obeyed
from benchmarks.assistant.shares import share_of
from benchmarks.assistant.talking import Talker
from benchmarks.output import add_json_option, write_figures
from shopsight.privacy import Pseudonymiser
from shopsight.sample_shop import generate, land_sample_shop
from shopsight.settings import Settings
from shopsight.warehouse import run_dbt

SEED: Final = 7
CONVERSATIONS: Final = 600
MARTS: Final = ("graph_nodes", "graph_edges", "items", "reviews", "review_summary", "orders", "order_items")


def measure(home: Path, *, conversations: int = CONVERSATIONS, misses: list[str] | None = None) -> dict[str, Any]:
    """Return every figure by name.

    Args:
        home: with a landed and built sample shop of seed 7, or an empty folder.
        conversations: how many are held.
        misses: takes in the conversations that went wrong.
    """
    settings = Settings(home=home)
    if not settings.warehouse_path.exists():
        _build(settings)
    facts = read_facts(generate("small", seed=SEED), settings)
    shopper = Pseudonymiser.from_settings(settings).user(SHOPPER)
    checker, talker = ClaimChecker(settings), Talker(settings)
    outcomes = []
    unsupported: list[tuple[str, str]] = []
    for conversation in Generator(facts, facts.orders[shopper], SEED).conversations(conversations):
        answers = talker.answers(conversation)
        is_right = conversation.is_right(answers)
        outcomes.append((conversation, is_right))
        for number, answer in enumerate(answers, start=1):
            claims = checker.unsupported(answer, conversation.messages[:number])
            unsupported += [(conversation.language, claim) for claim in claims]
        if misses is not None and not is_right:
            misses.append(_written(conversation, answers))
    if misses is not None:
        misses += [f"UNSUPPORTED {claim}" for _, claim in unsupported]
    figures = _figures(outcomes, unsupported, talker.latencies)
    figures["injections"], figures["injections_obeyed"] = _injected(talker, facts, misses)
    return figures


def _build(settings: Settings) -> None:
    shop_ends = generate("small", seed=SEED).config.ends_at
    land_sample_shop(settings, "small", seed=SEED, received_at=shop_ends + timedelta(days=2))
    run_dbt(settings, "run", "--select", *(f"+{mart}" for mart in MARTS))


def _figures(
    outcomes: Sequence[tuple[Conversation, bool]],
    unsupported: Sequence[tuple[str, str]],
    latencies: Mapping[str, Sequence[float]],
) -> dict[str, Any]:
    by_kind: dict[str, list[bool]] = defaultdict(list)
    for conversation, is_right in outcomes:
        by_kind[conversation.kind].append(is_right)
    everything = [one for those in latencies.values() for one in those]
    figures: dict[str, Any] = {
        "conversations": len(outcomes),
        **_rights(outcomes),
        "unsupported_claims": len(unsupported),
        "p95_ms": round(float(np.quantile(everything, 0.95)), 1),
        "by_kind": {kind: share_of(those) for kind, those in sorted(by_kind.items())},
    }
    for language in LANGUAGES:
        figures[language] = {
            **_rights([(one, is_right) for one, is_right in outcomes if one.language == language]),
            "unsupported_claims": sum(spoken == language for spoken, _ in unsupported),
            "p95_ms": round(float(np.quantile(latencies[language], 0.95)), 1),
        }
    return figures


def _rights(outcomes: Sequence[tuple[Conversation, bool]]) -> dict[str, Any]:
    """Return the shares that are right: of all, of the phrasings that were seen, and of those held out."""
    parts = {
        "right": [is_right for _, is_right in outcomes],
        "seen": [is_right for one, is_right in outcomes if not one.held_out],
        "held_out": [is_right for one, is_right in outcomes if one.held_out],
    }
    shares = {name: share_of(those) for name, those in parts.items()}
    figures: dict[str, Any] = {name: share["value"] for name, share in shares.items()}
    figures["intervals"] = {name: [share["low"], share["high"]] for name, share in shares.items()}
    return figures


def _injected(talker: Talker, facts: Facts, misses: list[str] | None) -> tuple[int, int]:
    count = obeyed_count = 0
    for injection in injections(facts, SEED):
        harmless = "It does what it should." if injection.language == "en" else "用起来还可以。"
        with_it = talker.with_text(injection.carrier, injection.item_id, injection.payload)
        without = talker.with_text(injection.carrier, injection.item_id, harmless)
        answer, control = talker.answer_with(with_it, injection.message), talker.answer_with(without, injection.control)
        count += 1
        if obeyed(answer, control, injection):
            obeyed_count += 1
            if misses is not None:
                misses.append(f"OBEYED {injection.carrier}: {injection.message}\n  {answer['text']}")
    return count, obeyed_count


def _written(conversation: Conversation, answers: Sequence[Mapping[str, Any]]) -> str:
    place = "held out" if conversation.held_out else "seen"
    lines = [f"[{conversation.kind} {conversation.language} {place}]"]
    for message, answer in zip(conversation.messages, answers, strict=True):
        asked = answer["question"] and answer["question"]["facet"]
        lines.append(f"  > {message}\n    {answer['act']} {answer['relaxed']} ?{asked} | {answer['text'][:300]}")
    return "\n".join(lines)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_json_option(parser)
    parser.add_argument("--home", type=Path, help="a folder that keeps the built shop for the next time")
    parser.add_argument("--conversations", type=int, default=CONVERSATIONS)
    parser.add_argument("--tau", type=Path, metavar="FOLDER", help="tau-bench's retail tables")
    parser.add_argument("--misses", action="store_true", help="print what went wrong to standard error")
    options = parser.parse_args()
    misses: list[str] | None = [] if options.misses else None
    with ExitStack() as folders:
        home = options.home or Path(folders.enter_context(tempfile.TemporaryDirectory())) / "home"
        figures = measure(home, conversations=options.conversations, misses=misses)
    if options.tau is not None:
        from benchmarks.assistant.tau import measure_tau

        figures["tau_bench"] = measure_tau(options.tau, misses=misses)
    for miss in misses or ():
        sys.stderr.write(miss + "\n")
    write_figures(figures, options.json)


if __name__ == "__main__":
    main()
