"""What money is in: the euro, or the currency of a shopper's country where the shop takes it."""

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shopsight.sample_shop.config import FOREIGN_CURRENCIES, SampleShopConfig
from shopsight.sample_shop.people import COUNTRIES

EURO: Final = "EUR"
CURRENCIES: Final = (EURO, *FOREIGN_CURRENCIES)
_MEAN_RATE: Final = {"GBP": 1.15, "PLN": 0.235, "CNY": 0.128}


def rates(config: SampleShopConfig, currency: str) -> NDArray[np.float64]:
    """Return what one unit of a currency is worth in euro on each day of the history: a slow wave of 3%."""
    day = np.arange(config.days)
    return np.round(_MEAN_RATE[currency] * (1.0 + 0.03 * np.sin(day / 17.0 + CURRENCIES.index(currency))), 4)


def rates_table(config: SampleShopConfig) -> str:
    """Return ``currency_rates.csv``: every day's rate of each foreign currency that the shop takes."""
    start = datetime.fromtimestamp(config.starts_at_us / 1e6, UTC).date()
    lines = ["date,currency,rate"]
    for currency in config.currencies:
        lines += [
            f"{start + timedelta(days=day)},{currency},{rate:.4f}" for day, rate in enumerate(rates(config, currency))
        ]
    return "\n".join(lines) + "\n"


def currency_of(config: SampleShopConfig, country: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return which of ``CURRENCIES`` shoppers of a country pay in."""
    by_country = np.zeros(len(COUNTRIES), dtype=np.int8)
    for currency in config.currencies:
        by_country[COUNTRIES.index(FOREIGN_CURRENCIES[currency])] = CURRENCIES.index(currency)
    return by_country[country]


def from_euro_cents(
    config: SampleShopConfig, cents: NDArray[np.int64], currency: NDArray[np.int8], moment: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return amounts in hundredths of their currency, at the rates of their days (microseconds since 1970)."""
    day = np.clip((moment - config.starts_at_us) // 86_400_000_000, 0, config.days - 1)
    amounts = cents.copy()
    for name in config.currencies:
        mine = currency == CURRENCIES.index(name)
        amounts[mine] = np.round(cents[mine] / rates(config, name)[day[mine]]).astype(np.int64)
    return amounts
