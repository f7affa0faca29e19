"""``shopsight consent``: what a person permits, from now on."""

from dataclasses import asdict
from datetime import UTC, datetime

from cli.console import out, pasteable, print_json
from shopsight.settings import Settings, prepare_environment


def show_stated_consent(user: str, consent: str, *, as_json: bool) -> None:
    """Write the consent, keep to it at once, and say what was done.

    Raises:
        ShopsightError: the consent or the id is none, or the log or the online store cannot be written.
    """
    from shopsight.consent import allows
    from shopsight.stated_consent import state_consent

    settings = Settings()
    prepare_environment(settings)
    stated = state_consent(settings, user, consent, received_at=datetime.now(UTC))
    if as_json:
        print_json(asdict(stated))
        return
    names = ", ".join(stated.shoppers)
    out.print(f"{names}: {consent}" + ("" if stated.is_new else ", as was said before"), soft_wrap=True)
    if not stated.is_in_log:
        out.print("the event log holds nothing of this person: it counts for what will come")
    if not allows(consent, "personal"):
        out.print(f"{stated.online_rows:,} entries left the online store, {stated.export_rows:,} rows the exports")
        out.print(pasteable("models forget with their next training: `shopsight run`"), markup=False)
    else:
        out.print(
            pasteable("it counts from the next `shopsight run` on, as far as no other place refuses it"), markup=False
        )
