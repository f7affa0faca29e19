"""Ways to tell people: a signed webhook and e-mail. Neither may keep anybody waiting for longer than a few seconds."""

import hashlib
import json
import smtplib
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from typing import Final
from urllib.parse import unquote, urlsplit

from orchestration.notifications.notices import Notice
from shopsight.settings import Settings
from shopsight.webhook_signature import SIGNATURE, signature

SECONDS: Final = 5.0
"""How long a server may take for one step, and twice that for all of it."""


class NotDeliveredError(Exception):
    """A server did not take a notice; the text says why, and holds no secret."""


def send_webhook(settings: Settings, notice: Notice) -> None:
    """Post a notice as JSON; any answer of 200 to 299 says that it was taken.

    Raises:
        NotDeliveredError: there was no such answer in time.
    """
    assert settings.notify_webhook is not None
    url, body = settings.notify_webhook.get_secret_value(), json.dumps(notice.as_document(), sort_keys=True).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "shopsight", "X-Shopsight-Notice": notice.id}
    if settings.notify_webhook_secret is not None:
        headers[SIGNATURE] = signature(settings.notify_webhook_secret.get_secret_value(), body, at=int(time.time()))
    _in_time(lambda: _post(url, body, headers))


def send_mail(settings: Settings, notice: Notice, recipient: str, *, link: str) -> None:
    """Send a notice to one address, which nobody else gets to see.

    Raises:
        NotDeliveredError: the server did not take it in time.
    """
    message = EmailMessage()
    message["Subject"] = f"[shopsight] {notice.sentence}"
    message["From"] = settings.notify_from
    message["To"] = recipient
    message["Message-ID"] = f"<{hashlib.sha256(f'{notice.id} {recipient}'.encode()).hexdigest()[:32]}@shopsight>"
    until = f"\nThe gate's word on it holds until {notice.verdict_until}." if notice.verdict_until else ""
    message.set_content(f"{notice.sentence}.{until}\n\nWhat waits: {link}\n")
    _in_time(lambda: _mail(settings, message))


def _post(url: str, body: bytes, headers: dict[str, str]) -> None:
    import httpx

    # The answer's body is not read: what it says changes nothing, and it may never end. Redirects are not followed.
    with httpx.stream("POST", url, content=body, headers=headers, timeout=SECONDS, trust_env=False) as answer:
        if not answer.is_success:
            raise NotDeliveredError(f"the webhook answered {answer.status_code}")


def _mail(settings: Settings, message: EmailMessage) -> None:
    assert settings.notify_smtp is not None
    if not settings.notify_from:
        raise NotDeliveredError("SHOPSIGHT_NOTIFY_FROM says no address")
    address = urlsplit(settings.notify_smtp.get_secret_value())
    host, secure = address.hostname or "", address.scheme == "smtps"
    context = ssl.create_default_context()
    client: smtplib.SMTP = (
        smtplib.SMTP_SSL(host, address.port or 465, timeout=SECONDS, context=context)
        if secure
        else smtplib.SMTP(host, address.port or 25, timeout=SECONDS)
    )
    with client:
        client.ehlo()
        if not secure and client.has_extn("starttls"):
            client.starttls(context=context)
            client.ehlo()
        elif not secure and address.username:
            raise NotDeliveredError("the mail server offers no TLS, and a password is not sent without")
        if address.username:
            client.login(unquote(address.username), unquote(address.password or ""))
        client.send_message(message)


def _in_time(send: Callable[[], None]) -> None:
    """Call ``send`` on a thread of its own, and wait for it no longer than two steps may take.

    Raises:
        NotDeliveredError: it failed, or has not ended; then it is left alone, and whatever it does is not waited for.
    """
    outcome: list[BaseException | None] = []

    def call() -> None:
        try:
            send()
        except Exception as error:  # noqa: BLE001 - whatever a server does to a client is one thing: not delivered
            outcome.append(error)
        else:
            outcome.append(None)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(2 * SECONDS)
    if not outcome:
        raise NotDeliveredError(f"no answer within {2 * SECONDS:.0f} s")
    error = outcome[0]
    if isinstance(error, NotDeliveredError):
        raise error
    if error is not None:
        raise NotDeliveredError(_words(error)) from None


def _words(error: BaseException) -> str:
    """Return what went wrong without what a server or a library repeats of the message, the address or the password."""
    with suppress(AttributeError):
        return f"{type(error).__name__} {error.smtp_code}"  # type: ignore[attr-defined]
    return (
        f"{type(error).__name__}: {error.strerror}"
        if isinstance(error, OSError) and error.strerror
        else type(error).__name__
    )
