"""A table of exchange rates is refused with its line and what is wrong, before any money is converted by it."""

from pathlib import Path

import pytest

from shopsight.currency_rates import CurrencyRatesError, check_currency_rates

HEADER = "date,currency,rate\n"


def test_a_shop_needs_no_rates_and_may_have_good_ones(tmp_path: Path) -> None:
    path = tmp_path / "currency_rates.csv"
    check_currency_rates(path)
    path.write_text(HEADER + "2026-03-01,USD,0.92\n2026-03-02,USD,0.93\n2026-03-01,JPY,0.0061\n")
    check_currency_rates(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"line 1(?s:.*)first line is not date,currency,rate"),
        ("day;currency;rate\n", r"line 1(?s:.*)first line"),
        (HEADER + "2026-03-01,USD,0.92\n01.03.2026,USD,0.92\n", r"line 3(?s:.*)'01.03.2026' is no date"),
        (HEADER + "2026-03-01,usd,0.92\n", r"line 2(?s:.*)'usd' is no currency"),
        (HEADER + '2026-03-01,USD,"0,92"\n', r"line 2(?s:.*)'0,92' is no number"),
        (HEADER + "2026-03-01,USD,0\n", r"line 2(?s:.*)not above 0"),
        (HEADER + "2026-03-01,USD,nan\n", r"line 2(?s:.*)not above 0"),
        (HEADER + "2026-03-01,USD\n", r"line 2(?s:.*)2 fields"),
        (HEADER + "2026-03-01,USD,0.92\n2026-03-01,USD,0.95\n", r"line 3(?s:.*)line 2 has a rate of that day"),
    ],
)
def test_a_line_that_would_convert_wrongly_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "currency_rates.csv"
    path.write_text(text)
    with pytest.raises(CurrencyRatesError, match=said):
        check_currency_rates(path)
