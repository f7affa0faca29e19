import numpy as np
import pytest
from churn_shop import CONFIG, shop

from models.churn.histories import LabelledRows


@pytest.fixture(scope="session")
def labelled() -> LabelledRows:
    """Customers at as-of dates a fortnight apart; the last horizon ends with the shop's last day."""
    return LabelledRows.of(shop(1), np.arange(60.0, 173.0, 14.0), horizon_days=CONFIG.horizon_days)
