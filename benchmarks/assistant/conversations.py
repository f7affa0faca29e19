"""Generated conversations with what a right answer has to hold, from the facts of the shop."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.assistant.facts import FACET_WORDS, Fact, Facts
from benchmarks.assistant.phrasings import HELD_OUT, POLICY, SEEN

Answer = Mapping[str, Any]
Check = Callable[[Sequence[Answer]], bool]
TYPO_SHARE: Final = 0.15
"""Share of the English messages of the kinds about goods that have a slip in a word of six letters or more."""
LANGUAGES: Final = ("en", "zh")
SHOPPER: Final = "maya"
MAX_LIST: Final = 4
"""Matches above which a shopper expects to be asked back."""


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """Messages in their order, and whether the answers to them are right."""

    kind: str
    language: str
    held_out: bool
    messages: tuple[str, ...]
    is_right: Check
    user_id: str | None = None
    may_see_orders: bool = True


class Generator:
    """Draws conversations; the same seed, the same ones."""

    def __init__(self, facts: Facts, shopper_orders: Sequence[Mapping[str, Any]], seed: int) -> None:
        self._facts = facts
        self._orders = shopper_orders
        self._dice = random.Random(seed)
        self._items = [fact for fact in facts.items.values() if fact.in_stock]
        named = Counter(fact.model for fact in facts.items.values())
        self._named = [fact for fact in self._items if named[fact.model] == 1]
        self._language, self._held_out = "en", False

    def conversations(self, count: int) -> Iterator[Conversation]:
        """Yield conversations, each kind as often as the others, in both languages, a third with held-out phrasings."""
        kinds = [getattr(self, name) for name in dir(self) if name.startswith("kind_")]
        for number in range(count):
            kind = kinds[number % len(kinds)]
            self._language = LANGUAGES[number // len(kinds) % 2]
            self._held_out = number // len(kinds) % 3 == 2
            yield kind()

    # --- finding goods

    def kind_find(self) -> Conversation:
        """Two conditions in one message."""
        fact = self._dice.choice(self._items)
        facet = self._dice.choice([name for name in fact.values if name not in ("brand", "kind")])
        wanted = self._matching(fact, facet)
        return self._of("find", [self._say("find", fact, value=fact.word(facet, self._language))], _shows(wanted))

    def kind_find_brand(self) -> Conversation:
        """A brand."""
        fact = self._dice.choice(self._items)
        return self._of("find", [self._say("find_brand", fact)], _shows(self._matching(fact, "brand")))

    def kind_find_price(self) -> Conversation:
        """A budget."""
        fact = self._dice.choice(self._items)
        budget = int(fact.price) + 1
        wanted = {one.item_id for one in self._facts.of_category(fact.category) if one.price <= budget}
        return self._of("find", [self._say("find_price", fact, budget=budget)], _shows(wanted))

    def kind_ambiguous(self) -> Conversation:
        """A shelf alone: the shopper expects the question that narrows most, and answers it."""
        fact = self._dice.choice(self._items)
        shelf = self._facts.of_category(fact.category)
        facet = _narrowing(shelf)
        wanted = self._matching(fact, facet)
        answer = self._say("answer", fact, value=fact.word(facet, self._language), typo=False)

        def is_right(answers: Sequence[Answer]) -> bool:
            asked = answers[0]["question"]
            return asked is not None and asked["facet"] == facet and _shows(wanted)(answers)

        return self._of("ambiguous", [self._say("broad", fact), answer], is_right)

    def kind_no_preference(self) -> Conversation:
        """A shelf alone, and no preference: the shopper expects goods, and no repetition of the question."""
        fact = self._dice.choice(self._items)
        wanted = {one.item_id for one in self._facts.of_category(fact.category)}

        def is_right(answers: Sequence[Answer]) -> bool:
            first, second = (answer["question"] for answer in answers)
            asks_again = second is not None and first is not None and second["facet"] == first["facet"]
            return not asks_again and _shows(wanted)(answers)

        said = self._say("no_preference", fact, typo=False)
        return self._of("ambiguous", [self._say("broad", fact), said], is_right)

    def kind_changing_value(self) -> Conversation:
        """A colour, material or pack, then another one of the same."""
        fact, other, facet = self._pair_of_values()
        messages = [
            self._say("find", fact, value=fact.word(facet, self._language)),
            self._say("change_value", fact, value=other.word(facet, self._language), typo=False),
        ]
        return self._of("changing", messages, _shows(self._matching(other, facet)))

    def kind_changing_price(self) -> Conversation:
        """A value, then a budget on top."""
        fact = self._dice.choice(self._items)
        facet = self._dice.choice([name for name in fact.values if name not in ("brand", "kind")])
        budget = int(fact.price) + 1
        wanted = {item for item in self._matching(fact, facet) if self._facts.items[item].price <= budget}
        messages = [
            self._say("find", fact, value=fact.word(facet, self._language)),
            self._say("add_price", fact, budget=budget, typo=False),
        ]
        return self._of("changing", messages, _shows(wanted))

    def kind_negation(self) -> Conversation:
        """A value that is not wanted."""
        fact = self._dice.choice(self._items)
        facet = self._dice.choice([name for name in fact.values if name not in ("brand", "kind")])
        shelf = self._facts.of_category(fact.category)
        wanted = {one.item_id for one in shelf if one.values.get(facet) != fact.values[facet]}
        if not wanted:
            return self.kind_negation()
        return self._of(
            "negation", [self._say("not_value", fact, value=fact.word(facet, self._language))], _shows(wanted)
        )

    def kind_cheaper(self) -> Conversation:
        """A shelf, then something cheaper than all that was item_ids."""
        fact = self._dice.choice(self._items)

        def is_right(answers: Sequence[Answer]) -> bool:
            before, after = ([self._facts.items[one["item_id"]] for one in answer["products"]] for answer in answers)
            if not before:
                return False
            bound = min(one.price for one in before)
            cheaper = [one for one in self._facts.of_category(fact.category) if one.price < bound]
            return bool(after) == bool(cheaper) and all(one in cheaper for one in after)

        said = self._say("cheaper", fact, typo=False)
        return self._of("changing", [self._say("broad", fact), said], is_right)

    def kind_impossible_price(self) -> Conversation:
        """A value at a price at which there is none."""
        fact = self._dice.choice(self._items)
        facet = self._dice.choice([name for name in fact.values if name not in ("brand", "kind")])
        matching = [self._facts.items[item] for item in self._matching(fact, facet)]
        budget = int(min(one.price for one in matching) * 0.6)
        value = fact.word(facet, self._language)
        if budget < 1:
            return self.kind_impossible_price()
        shelf = self._facts.of_category(fact.category)
        by_obstacle = {
            str(budget): {one.item_id for one in matching},
            fact.values[facet]: {one.item_id for one in shelf if one.price <= budget},
        }
        messages = [self._say("find", fact, value=value), self._say("add_price", fact, budget=budget, typo=False)]
        return self._of("impossible", messages, _nearest(by_obstacle))

    def kind_impossible_pair(self) -> Conversation:
        """Two values that no item of the shelf has together."""
        for _ in range(1_000):
            fact, other = self._dice.sample(self._items, 2)
            if fact.category != other.category or "colour" not in fact.values:
                continue
            shelf = self._facts.of_category(fact.category)
            colour, brand = fact.values["colour"], other.values["brand"]
            if any(one.values["colour"] == colour and one.values["brand"] == brand for one in shelf):
                continue
            by_obstacle = {
                colour: {one.item_id for one in shelf if one.values["brand"] == brand},
                brand: {one.item_id for one in shelf if one.values["colour"] == colour},
            }
            messages = [
                self._say("find_brand", other),
                self._say("answer", fact, value=fact.word("colour", self._language), typo=False),
            ]
            return self._of("impossible", messages, _nearest(by_obstacle))
        raise AssertionError("every colour has every brand")

    # --- about items

    def kind_compare(self) -> Conversation:
        """Two items side by side, then which is cheaper."""
        fact, other = self._rivals()

        def is_right(answers: Sequence[Answer]) -> bool:
            table = answers[0]["comparison"]
            if table is None or set(table["item_ids"]) != {fact.item_id, other.item_id}:
                return False
            prices = {self._facts.items[item].price for item in table["item_ids"]}
            item_ids = {value for row in table["rows"] for value in row["values"]}
            cheaper, dearer = sorted((fact, other), key=lambda one: one.price)
            said = answers[-1]["text"]
            word = "is cheaper than" if self_language == "en" else "比"
            names_it = (
                fact.price == other.price or f"{cheaper.title} {word} {dearer.title}".replace(" 比 ", "比") in said
            )
            return all(f"{price:.2f} EUR" in item_ids for price in prices) and names_it

        self_language = self._language
        messages = [
            self._say("compare", fact, rival=other.model, typo=False),
            self._say("which_cheaper", fact, typo=False),
        ]
        return self._of("compare", messages, is_right)

    def kind_price(self) -> Conversation:
        """What an item costs."""
        fact = self._dice.choice(self._named)
        return self._of("item", [self._say("price", fact, typo=False)], _says(f"{fact.price:.2f} EUR", about=fact))

    def kind_stock(self) -> Conversation:
        """Whether an item can be bought."""
        named = Counter(one.model for one in self._facts.items.values())
        out = [one for one in self._facts.items.values() if not one.in_stock and named[one.model] == 1]
        fact = self._dice.choice(out if out and self._dice.random() < 0.5 else self._named)
        word = {"en": ("in stock", "sold out"), "zh": ("有货", "售完")}[self._language][not fact.in_stock]
        return self._of("item", [self._say("stock", fact, typo=False)], _says(word, about=fact))

    def kind_attribute(self) -> Conversation:
        """What an item is made of, or looks like."""
        fact = self._dice.choice(self._named)
        facet = self._dice.choice(sorted(fact.values))
        said = self._say("attribute", fact, facet=FACET_WORDS[self._language][facet], typo=False)
        return self._of("item", [said], _says(fact.values[facet], about=fact))

    def kind_nobody_knows(self) -> Conversation:
        """What no table holds: the answer has to say so, and nothing else."""
        fact = self._dice.choice(self._named)
        no = {
            "en": ("not say", "nothing on", "did not understand", "mention"),
            "zh": ("没有说明", "没有谈到", "没有听懂", "没有提到"),
        }

        def is_right(answers: Sequence[Answer]) -> bool:
            return any(word in answers[-1]["text"] for word in no[answers[-1]["language"]])

        return self._of("abstain", [self._say("nobody_knows", fact, typo=False)], is_right)

    def kind_reviews(self) -> Conversation:
        """What buyers say."""
        fact = self._dice.choice(self._named)
        mean, count = self._facts.ratings.get(fact.item_id, (None, 0))
        none = {"en": "Nobody has reviewed", "zh": "还没有人评价"}[self._language]
        word = none if not count or mean is None else f"{mean:.1f}"
        return self._of("reviews", [self._say("reviews", fact, typo=False)], _says(word, about=None))

    def kind_goes_with(self) -> Conversation:
        """What goes with an item."""
        fact = self._dice.choice([one for one in self._named if one.item_id in self._facts.bought_with])
        wanted = set(self._facts.bought_with[fact.item_id])
        if self._dice.random() < 0.2:
            fact = self._dice.choice([one for one in self._named if one.item_id not in self._facts.bought_with])
            wanted = set()
        in_stock = {item for item in wanted if self._facts.items[item].in_stock}

        def is_right(answers: Sequence[Answer]) -> bool:
            item_ids = {one["item_id"] for one in answers[-1]["products"]}
            return answers[-1]["act"] == "goes_with" and item_ids <= wanted and bool(item_ids) == bool(in_stock)

        return self._of("related", [self._say("goes_with", fact, typo=False)], is_right)

    def kind_similar(self) -> Conversation:
        """What could be taken instead."""
        fact = self._dice.choice(self._named)
        shelf = {one.item_id for one in self._facts.of_category(fact.category)} - {fact.item_id}
        return self._of("related", [self._say("similar", fact, typo=False)], _shows(shelf))

    def kind_reference(self) -> Conversation:
        """The second of a list."""
        fact = self._dice.choice(self._items)

        def is_right(answers: Sequence[Answer]) -> bool:
            listed = answers[0]["products"]
            return len(listed) > 1 and f"{self._facts.items[listed[1]['item_id']].price:.2f} EUR" in answers[-1]["text"]

        return self._of("reference", [self._say("broad", fact), self._say("second_price", fact, typo=False)], is_right)

    # --- the shop, orders, persons

    def kind_policy(self) -> Conversation:
        """A rule of the shop."""
        seen, held_out, truth = self._dice.choice(POLICY[self._language])

        def is_right(answers: Sequence[Answer]) -> bool:
            rows = [row for one in answers[-1]["sentences"] for row in one["rows"]]
            return truth in answers[-1]["text"] and any(row.startswith("policies:") for row in rows)

        return self._of("policy", [held_out if self._held_out else seen], is_right)

    kind_policy_again = kind_policy

    def kind_last_order(self) -> Conversation:
        """The newest order of the shopper."""
        order = self._orders[0]
        titles = [self._facts.items[item].title for item, _ in order["lines"] if item in self._facts.items]

        def is_right(answers: Sequence[Answer]) -> bool:
            return order["order_id"] in answers[-1]["text"] and all(title in answers[-1]["text"] for title in titles)

        said = self._say("last_order", self._items[0], typo=False)
        return self._of("orders", [said], is_right, user_id=SHOPPER)

    def kind_paid(self) -> Conversation:
        """What it cost."""
        said = self._say("paid", self._items[0], typo=False)
        check = _says(f"{self._orders[0]['total']:.2f} EUR", about=None)
        return self._of("orders", [said], check, user_id=SHOPPER)

    def kind_orders_closed(self) -> Conversation:
        """Orders are asked for where nobody may tell of them."""
        numbers = [order["order_id"] for order in self._orders]

        def is_right(answers: Sequence[Answer]) -> bool:
            return answers[-1]["act"] == "orders_closed" and not any(one in answers[-1]["text"] for one in numbers)

        said = self._say("last_order", self._items[0], typo=False)
        is_signed_in = self._dice.random() < 0.5
        user = SHOPPER if is_signed_in else None
        return self._of("orders", [said], is_right, user_id=user, may_see_orders=not is_signed_in)

    def kind_person(self) -> Conversation:
        """A person is asked for."""
        said = self._say("person", self._items[0], typo=False)
        return self._of("person", [said], lambda answers: answers[-1]["hand_over"] is not None)

    def kind_machine(self) -> Conversation:
        """Whether a machine speaks."""
        word = {"en": "a machine", "zh": "机器"}[self._language]
        said = self._say("machine", self._items[0], typo=False)
        return self._of(
            "machine", [said], lambda answers: word in answers[-1]["text"] and answers[-1]["act"] == "machine"
        )

    def kind_nonsense(self) -> Conversation:
        """What has nothing to do with the shop: no goods, no claims."""
        said = self._say("nonsense", self._items[0], typo=False)

        def is_right(answers: Sequence[Answer]) -> bool:
            return answers[-1]["act"] in ("unknown", "no_policy") and not answers[-1]["products"]

        return self._of("nonsense", [said], is_right)

    # --- drawing

    def _of(
        self,
        kind: str,
        messages: Sequence[str],
        is_right: Check,
        *,
        user_id: str | None = None,
        may_see_orders: bool = True,
    ) -> Conversation:
        return Conversation(
            kind=kind,
            language=self._language,
            held_out=self._held_out,
            messages=tuple(messages),
            is_right=is_right,
            user_id=user_id,
            may_see_orders=may_see_orders,
        )

    def _say(self, name: str, fact: Fact, *, typo: bool = True, **values: object) -> str:
        bank = (HELD_OUT if self._held_out else SEEN)[self._language][name]
        noun = fact.noun_zh if self._language == "zh" else fact.noun
        words = {"noun": noun, "brand": fact.values["brand"], "model": fact.model, **values}
        text = self._dice.choice(bank).format_map(words)
        if typo and self._language == "en" and self._dice.random() < TYPO_SHARE:
            text = self._misspelt(text)
        return text

    def _misspelt(self, text: str) -> str:
        words = text.split(" ")
        long = [place for place, word in enumerate(words) if len(word) > 5 and word.isalpha() and word.islower()]
        if not long:
            return text
        place = self._dice.choice(long)
        word = words[place]
        at = self._dice.randrange(1, len(word) - 2)
        words[place] = self._dice.choice(
            (
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
            )
        )
        return " ".join(words)

    def _matching(self, fact: Fact, facet: str) -> set[str]:
        shelf = self._facts.of_category(fact.category)
        return {one.item_id for one in shelf if one.values.get(facet) == fact.values[facet]}

    def _pair_of_values(self) -> tuple[Fact, Fact, str]:
        while True:
            fact = self._dice.choice(self._items)
            facet = self._dice.choice([name for name in fact.values if name not in ("brand", "kind")])
            others = [
                one for one in self._facts.of_category(fact.category) if one.values.get(facet) != fact.values[facet]
            ]
            if others:
                return fact, self._dice.choice(others), facet

    def _rivals(self) -> tuple[Fact, Fact]:
        while True:
            fact, other = self._dice.sample(self._named, 2)
            if fact.category == other.category:
                return fact, other


def _narrowing(shelf: Sequence[Fact]) -> str:
    """Return the facet whose answer leaves the fewest items on average."""
    remaining = {}
    for facet in sorted({name for one in shelf for name in one.values}):
        counts = Counter(one.values[facet] for one in shelf if facet in one.values)
        without = len(shelf) - sum(counts.values())
        if len(counts) > 1:
            remaining[facet] = sum(n * (n + without) for n in counts.values()) / sum(counts.values())
    return min(remaining, key=lambda facet: (remaining[facet], facet))


def _shows(wanted: set[str]) -> Check:
    """Return the check that the last answer shows goods, wanted ones alone, and all of a few or some of many."""

    def is_right(answers: Sequence[Answer]) -> bool:
        item_ids = [one["item_id"] for one in answers[-1]["products"]]
        return (
            bool(item_ids)
            and set(item_ids) <= wanted
            and len(item_ids) >= min(len(wanted), 3)
            and not answers[-1]["relaxed"]
        )

    return is_right


def _says(words: str, *, about: Fact | None) -> Check:
    """Return the check that the last answer has words, and is about an item."""

    def is_right(answers: Sequence[Answer]) -> bool:
        speaks_of_it = about is None or about.title in answers[-1]["text"]
        return words.casefold() in answers[-1]["text"].casefold() and speaks_of_it

    return is_right


def _nearest(by_obstacle: Mapping[str, set[str]]) -> Check:
    """Return the check that the last answer names an obstacle, and shows what there is without it."""
    possible = {obstacle: items for obstacle, items in by_obstacle.items() if items}

    def is_right(answers: Sequence[Answer]) -> bool:
        item_ids = {one["item_id"] for one in answers[-1]["products"]}
        said = " ".join(answers[-1]["relaxed"]).casefold()
        return bool(item_ids) and any(
            obstacle.casefold() in said and item_ids <= items for obstacle, items in possible.items()
        )

    return is_right
