from pathlib import Path

import numpy as np
import pytest

from models.intent.grammar import Grammar, generate, roughen
from models.text.normalise import detect_language
from shopsight.contracts import INTENTS
from shopsight.errors import ShopsightError


def test_the_same_seed_draws_the_same_texts_and_another_seed_others() -> None:
    first, again, other = (generate(200, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert {u.text for u in first} != {u.text for u in other}


def test_labels_come_in_equal_parts_and_a_third_is_chinese() -> None:
    texts = generate(1000, seed=3)
    assert {label: sum(u.label == label for u in texts) for label in INTENTS} == dict.fromkeys(INTENTS, 200)
    assert 0.25 < sum(u.language == "zh" for u in texts) / 1000 < 0.35


def test_every_template_of_both_languages_can_be_filled_in_every_domain() -> None:
    rng = np.random.default_rng(0)
    for language in ("en", "zh"):
        grammar = Grammar.read(language)
        assert len(grammar.domains) >= 6
        for label in INTENTS:
            for _, _, template in grammar.templates[label]:
                for domain in grammar.domains:
                    text = grammar.fill(template, domain=domain, rng=rng)
                    assert "{" not in text
                    assert text
            assert grammar.templates[label]


def test_chinese_templates_give_chinese_texts() -> None:
    texts = [u for u in generate(500, seed=4) if u.language == "zh"]
    assert all(detect_language(u.text) == "zh" for u in texts)


def _grammar(tmp_path: Path, text: str) -> Grammar:
    (tmp_path / "en.txt").write_text(text)
    return Grammar.read("en", tmp_path)


def test_one_name_is_one_filling_in_a_text_and_a_number_asks_for_another(tmp_path: Path) -> None:
    grammar = _grammar(tmp_path, "[template other keyword]\n{a} {a} {a2}\n[slot a]\nx\ny\n[slot b d]\nz\n")
    for seed in range(10):
        words = grammar.fill("{a} {a} {a2}", domain="d", rng=np.random.default_rng(seed)).split()
        assert words[0] == words[1] != words[2]


def test_a_text_stays_within_its_domain(tmp_path: Path) -> None:
    grammar = _grammar(
        tmp_path,
        "[template other keyword]\n{p} {q}\n[slot p d]\nlipstick\n[slot q d]\nred\n[slot p e]\ntv\n[slot q e]\n4k\n",
    )
    texts = {grammar.fill("{p} {q}", domain=d, rng=np.random.default_rng(s)) for d in "de" for s in range(5)}
    assert texts == {"lipstick red", "tv 4k"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[template nothing keyword]\nhello\n", "neither"),
        (
            "[slot p d]\nx\n[slot p e]\ny\n[slot q d]\nz\n[template other keyword]\n{p} {q}\n",
            "slot 'q' is not given for e",
        ),
    ],
)
def test_a_malformed_grammar_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ShopsightError, match=why):
        _grammar(tmp_path, text)


def test_roughening_slips_in_a_few_long_words_and_drops_punctuation() -> None:
    changed, slips = 0, []
    for seed in range(200):
        before = "Where, exactly, is my replacement charger?"
        after = roughen(before, np.random.default_rng(seed))
        old, new = before.rstrip("?").replace(",", "").split(), after.rstrip("?").replace(",", "").split()
        assert len(old) == len(new)
        wrong = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
        assert all(len(a) >= 4 and abs(len(a) - len(b)) <= len(wrong) + 2 for a, b in wrong)
        slips.append(len(wrong))
        changed += after != before
    assert 100 < changed < 200
    assert slips.count(0) > slips.count(1) > slips.count(2) > 0
    assert roughen("红鞋？", np.random.default_rng(1)) in ("红鞋", "红鞋？")
