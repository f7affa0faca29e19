"""A shop's campaigns: one YAML file, validated as a whole; docs/campaigns.md shows each line of it."""

from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints, model_validator

from shopsight.books import read_book
from shopsight.errors import ShopsightError

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Money = Annotated[FiniteFloat, Field(ge=0, le=1e9)]
Days = Annotated[int, Field(ge=0, le=3_650)]
PROTECTED: Final = ("age_bands", "genders")
"""Conditions that no offer of a price may be bound to."""


class UnusableCampaignsError(ShopsightError):
    """The campaigns file cannot be read, or is not valid."""


class Line(BaseModel):
    """A line of the file: unknown words are refused, so that a misspelt one is not silently without effect."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Audience(Line):
    """Who is meant; every condition that is given has to hold."""

    min_orders: int | None = Field(default=None, ge=0)
    max_orders: int | None = Field(default=None, ge=0)
    min_days_since_order: Days | None = None
    max_days_since_order: Days | None = None
    min_days_since_visit: Days | None = None
    max_days_since_visit: Days | None = None
    countries: list[str] = []
    age_bands: list[str] = []
    genders: list[str] = []

    @model_validator(mode="after")
    def _in_order(self) -> "Audience":
        for what in ("orders", "days_since_order", "days_since_visit"):
            low, high = getattr(self, f"min_{what}"), getattr(self, f"max_{what}")
            if low is not None and high is not None and low > high:
                raise ValueError(f"min_{what} is above max_{what}: nobody is meant")
        return self


class Offer(Line):
    """What can be sent."""

    name: Name
    kind: Literal["price", "content"]
    """``price``: money off an order; ``content``: news, advice, a reminder."""
    action: Literal["reminder", "offer", "replenishment", "new_category", "help"] | None = None
    """What kind of action it is to the shopper: by default an offer of a price is an ``offer``, and content a
    ``reminder``."""
    discount: Money = 0.0
    """Money off each order of somebody who got it."""
    message_cost: Money = 0.0
    """What one message costs."""
    stock: int | None = Field(default=None, ge=0)
    """How many shoppers may be sent it."""

    @model_validator(mode="after")
    def _priced(self) -> "Offer":
        if (self.kind == "price") != (self.discount > 0):
            raise ValueError("an offer of the kind price has a discount, and no other one has")
        if self.action is not None and (self.kind == "price") != (self.action == "offer"):
            raise ValueError("an offer of the kind price is the action offer, and no other one is")
        return self

    @property
    def acts_as(self) -> str:
        """Return what kind of action it is, stated or by its kind."""
        return self.action or ("offer" if self.kind == "price" else "reminder")


class Campaign(Line):
    """Audience x offers x channel x budget x dates; a hold-out, always."""

    name: Name
    audience: Audience = Audience()
    offers: list[Offer] = Field(min_length=1, max_length=5)
    channel: Literal["email", "sms", "push", "app"] = "email"
    budget: Money
    starts: date
    ends: date
    hold_out: float = Field(default=0.2, ge=0.05, le=0.5)
    """Share of those chosen that is sent nothing, by a hash of campaign and shopper."""
    margin_share: float = Field(default=0.3, gt=0, le=1)
    """What an order leaves of its money before discount and messages."""
    learn_from: list[Name] = []
    """Launched campaigns by lot with the same offers, whose answers say for whom each offer works."""
    max_audience_share: float = Field(default=0.8, gt=0, le=1)
    """Share of all who may be written to above which an audience is no choice."""
    max_gap: float = Field(default=0.15, gt=0, le=1)
    """How far the share that is chosen of a group, by age band or gender, may surely lie from that of the others."""

    @model_validator(mode="after")
    def _whole(self) -> "Campaign":
        if self.ends < self.starts:
            raise ValueError("it ends before it starts")
        names = [offer.name for offer in self.offers]
        if len(set(names)) < len(names):
            raise ValueError("two offers have one name")
        bound = [what for what in PROTECTED if getattr(self.audience, what)]
        if bound and any(offer.kind == "price" for offer in self.offers):
            raise ValueError(f"an offer of a price may not be bound to {' or '.join(bound)}")
        return self


class Frequency(Line):
    """How often anybody is written to."""

    max_campaigns: int = Field(default=2, ge=1)
    days: Days = 30


class QuietHours(Line):
    """Hours of the shop's zone in which nothing is sent, from the first until the second."""

    starts: int = Field(default=21, ge=0, le=23)
    ends: int = Field(default=8, ge=0, le=23)


class CampaignBook(Line):
    """All campaigns of a shop."""

    frequency: Frequency = Frequency()
    quiet_hours: QuietHours = QuietHours()
    campaigns: list[Campaign] = Field(default=[], max_length=1_000)

    @model_validator(mode="after")
    def _named_once(self) -> "CampaignBook":
        names = [campaign.name for campaign in self.campaigns]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two campaigns are called {', '.join(twice)}")
        return self

    @classmethod
    def read(cls, path: Path) -> "CampaignBook":
        """Read a campaigns file.

        Raises:
            UnusableCampaignsError: it is not valid; every wrong line is named.
        """
        return read_book(cls, path, what="campaigns", page="docs/campaigns.md", error=UnusableCampaignsError)

    def named(self, name: str) -> Campaign:
        """Return a campaign.

        Raises:
            UnusableCampaignsError: there is none of this name.
        """
        for campaign in self.campaigns:
            if campaign.name == name:
                return campaign
        raise UnusableCampaignsError(
            f"there is no campaign {name}",
            why=f"the file has {', '.join(one.name for one in self.campaigns) or 'none'}",
            fix="name one of them, or add it to campaigns.yml",
        )
