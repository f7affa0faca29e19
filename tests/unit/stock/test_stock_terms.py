"""The file of stock terms: what holds for an item, what is a default, and what is refused."""

import pytest

from models.stock.book import StockBook, UnusableStockTermsError

FILE = """
review_days: 7
lead_days: 10
suppliers:
  - {name: Alder, lead_days: 4, lead_days_deviation: 2, pack_size: 6}
items:
  - {item_id: lamp, supplier: Alder, pack_size: 12}
  - {item_id: rug, ordered: false}
"""


def test_an_items_terms_go_before_its_suppliers_and_these_before_the_shops(tmp_path) -> None:
    (tmp_path / "stock.yml").write_text(FILE)
    book = StockBook.read(tmp_path / "stock.yml")
    assert book.supplier_of("lamp", None) == "Alder"
    lamp, vase, other = (
        book.terms_of("lamp", "Alder"),
        book.terms_of("vase", "Alder"),
        book.terms_of("other", "unheard of"),
    )
    assert (lamp.pack_size, lamp.lead_days, lamp.lead_days_deviation, lamp.review_days) == (12, 4, 2, 7)
    assert (vase.pack_size, other.pack_size) == (6, 1)
    assert (other.lead_days, other.lead_days_deviation) == (10, 2)
    assert book.not_ordered() == ["rug"]


def test_what_nobody_gave_is_a_default_and_says_so(tmp_path) -> None:
    terms = StockBook.read(tmp_path / "missing.yml").terms_of("lamp", None)
    assert terms.lead_days == 14
    assert {"lead_days", "review_days", "holding_share", "margin_share", "pack_size"} <= set(terms.assumed)
    given = StockBook.model_validate({"lead_days": 5, "margin_share": 0.5}).terms_of("lamp", None)
    assert not {"lead_days", "margin_share"} & set(given.assumed)
    assert "holding_share" in given.assumed


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lead_dayz: 3", "lead_dayz: Extra inputs are not permitted"),
        ("lead_days: -1", "lead_days: Input should be greater than or equal to 0"),
        ("service_level: 1.5", "service_level: Input should be less than or equal to 0.999"),
        ("suppliers: [{name: A}, {name: A}]", "two suppliers are called A"),
        ("items: [{item_id: a, supplier: B}]", "items name suppliers that are not among suppliers: B"),
        ("suppliers: [{name: A, pack_size: 0}]", "supplier 'A'.pack_size: Input should be greater than 0"),
    ],
)
def test_a_line_that_means_nothing_is_named(tmp_path, line: str, said: str) -> None:
    (tmp_path / "stock.yml").write_text(line)
    with pytest.raises(UnusableStockTermsError) as error:
        StockBook.read(tmp_path / "stock.yml")
    assert said in str(error.value)
