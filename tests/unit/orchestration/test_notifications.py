"""People are told what waits and what was decided, and no decision waits for that."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from mail_server import MailServer, mail_server
from pydantic import SecretStr, ValidationError
from webhook_server import WebhookServer, webhook_server

from orchestration import decisions
from orchestration.notifications import channels
from orchestration.notifications.dispatch import notify
from orchestration.notifications.ledger import RETRY_AFTER, Ledger, ledger_path
from shopsight.clock import utc_now
from shopsight.settings import REPO_ROOT, Settings
from shopsight.webhook_signature import signature

WHO = {"approver": "Ada", "reason": "ticket 12: Mrs Miller of Leeds complained"}
SECRET = "a secret of sixteen or more"
FILE = """\
approvers:
  - {name: Ada, email: ada@shop.example}
  - {name: Grace, email: grace@shop.example, families: [churn]}
  - {name: Vera, role: observer, email: vera@shop.example}
  - {name: Olga, role: on call, email: olga@shop.example}
"""


@pytest.fixture
def hook() -> Iterator[WebhookServer]:
    with webhook_server() as server:
        yield server


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def telling(home: Settings, hook: WebhookServer) -> Settings:
    return home.model_copy(update={"notify_webhook": SecretStr(hook.url), "notify_webhook_secret": SecretStr(SECRET)})


@pytest.fixture
def writing(home: Settings, mails: MailServer) -> Settings:
    home.home.mkdir(exist_ok=True)
    home.approvers_path.write_text(FILE)
    address = SecretStr(f"smtp://127.0.0.1:{mails.port}")
    return home.model_copy(update={"notify_smtp": address, "notify_from": "shopsight@shop.example"})


def events(hook: WebhookServer) -> list[str]:
    return [json.loads(body)["event"] for _, body in hook.requests]


def test_what_waits_and_what_was_decided_is_told_once(telling, hook, register) -> None:
    for _ in range(2):
        register()
        assert notify(telling, utc_now()) == []
        decisions.approve(telling, "recommender", None, **WHO)
    register()
    decisions.reject(telling, "recommender", None, **WHO)
    decisions.roll_back(telling, "recommender", None, **WHO)
    for _ in range(2):
        assert notify(telling, utc_now()) == []
    assert events(hook) == ["waits", "approved", "waits", "approved", "rejected", "rolled back"]
    assert json.loads(hook.requests[-1][1])["version"] == "v0001"


def test_a_webhook_is_signed_and_says_of_people_who_decided_alone(telling, hook, register) -> None:
    version = register()
    telling.approvers_path.write_text(FILE)
    decisions.approve(telling, "recommender", version, **WHO)
    notify(telling, utc_now())
    headers, body = hook.requests[-1]
    stamp = headers["x-shopsight-signature"].removeprefix("t=").partition(",")[0]
    assert headers["x-shopsight-signature"] == signature(SECRET, body, at=int(stamp))
    page = (REPO_ROOT / "docs" / "approval.md").read_text()
    documented: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], documented)
    assert documented["is_genuine"](headers["x-shopsight-signature"], body, SECRET, time.time())
    assert not documented["is_genuine"](headers["x-shopsight-signature"], body + b" ", SECRET, time.time())
    assert json.loads(body) == {
        "id": headers["x-shopsight-notice"],
        "event": "approved",
        "family": "recommender",
        "version": "v0001",
        "by": "Ada",
        "at": json.loads(body)["at"],
    }
    assert b"Miller" not in body
    assert b"@" not in body


def test_who_may_decide_is_reminded_once_and_then_told_that_it_ended(telling, hook, register) -> None:
    now = utc_now()
    register(judged_at=now)
    for days in (0, 2.9, 3.1, 5, 13.9, 14.1, 20):
        notify(telling, now + timedelta(days=days))
    assert events(hook) == ["waits", "reminder", "expired"]
    assert json.loads(hook.requests[1][1])["waits_since"]


def test_a_server_that_fails_is_tried_again_later_and_then_given_up(telling, hook, register) -> None:
    register()
    hook.status, now = 503, utc_now()
    (trouble,) = notify(telling, now)
    assert "the webhook answered 503" in trouble
    notify(telling, now + timedelta(seconds=30))
    assert len(hook.requests) == 1
    hook.status = 200
    assert notify(telling, now + timedelta(minutes=2)) == []
    assert len(hook.requests) == 2
    hook.status = 500
    decisions.approve(telling, "recommender", None, **WHO)
    for _ in range(len(RETRY_AFTER) + 3):
        notify(telling, now)
        now += timedelta(days=1, minutes=1)
    assert [body for _, body in hook.requests if json.loads(body)["event"] == "approved"] == [hook.requests[-1][1]] * (
        len(RETRY_AFTER) + 1
    )
    (entry,) = [one for one in Ledger.read(ledger_path(telling)).entries if one.notice.event == "approved"]
    assert [one.state for one in entry.deliveries] == ["given up"]


def test_a_redirect_is_not_followed(telling, hook, register) -> None:
    register()
    hook.status = 302
    assert "answered 302" in notify(telling, utc_now())[0]
    assert len(hook.requests) == 1


def test_a_server_that_never_answers_keeps_nobody_longer_than_it_may(
    telling, hook, register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "SECONDS", 0.2)
    hook.hanging = threading.Event()
    register()
    began = time.monotonic()
    assert "not delivered" not in notify(telling, utc_now())[0]
    assert time.monotonic() - began < 3
    assert decisions.approve(telling, "recommender", None, **WHO).status == "champion"


def test_a_server_that_is_not_there_hinders_no_decision_of_the_command_line(
    register, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from cli.app import app

    monkeypatch.setenv("SHOPSIGHT_NOTIFY_WEBHOOK", "http://127.0.0.1:9/secret-token")
    monkeypatch.setenv("SHOPSIGHT_USER", "Ada")
    register()
    answer = CliRunner().invoke(app, ["reject", "recommender", "--reason", "a test"])
    assert answer.exit_code == 0, answer.output
    assert "not delivered: recommender v0001 was rejected by Ada: webhook pending" in answer.stderr
    assert "secret-token" not in answer.output
    assert "approvers.yml does not exist: whoever is let in decides" in answer.stdout


def test_a_mail_goes_to_each_who_may_decide_and_a_decision_to_all_whom_it_concerns(writing, mails, register) -> None:
    register()
    assert notify(writing, utc_now()) == []
    assert sorted(recipient for recipient, _ in mails.messages) == ["ada@shop.example", "vera@shop.example"]
    assert all(str(message["To"]) == recipient for recipient, message in mails.messages)
    assert mails.messages[0][1]["Subject"] == "[shopsight] recommender v0001 waits for an approval"
    mails.messages.clear()
    decisions.approve(writing, "recommender", None, **WHO)
    assert notify(writing, utc_now()) == []
    assert sorted(recipient.partition("@")[0] for recipient, _ in mails.messages) == ["ada", "olga", "vera"]
    assert "Miller" not in mails.messages[0][1].as_string()


def test_a_mail_server_that_refuses_is_noted_without_what_it_says(writing, mails, register) -> None:
    mails.refuses = True
    register()
    trouble = notify(writing, utc_now())[0]
    assert "SMTPDataError 451" in trouble
    assert "ada@shop.example" not in ledger_path(writing).read_text()


def test_a_password_is_not_sent_to_a_mail_server_without_tls(writing, mails, register) -> None:
    address = SecretStr(f"smtp://ada:password@127.0.0.1:{mails.port}")
    register()
    trouble = notify(writing.model_copy(update={"notify_smtp": address}), utc_now())[0]
    assert "no TLS" in trouble
    assert mails.messages == []


def test_what_was_decided_long_before_there_were_notices_is_not_told(telling, hook, register) -> None:
    register()
    decisions.approve(telling, "recommender", None, **WHO)
    notify(telling, utc_now() + timedelta(hours=2))
    assert hook.requests == []


def test_without_an_address_nothing_is_sent_or_written(home, register) -> None:
    register()
    assert notify(home, utc_now()) == []
    assert not ledger_path(home).parent.exists()


def test_a_damaged_ledger_is_said_and_hinders_nothing(telling, register) -> None:
    register()
    ledger_path(telling).parent.mkdir()
    for content in ("{", "[]", '{"journal": null}'):
        ledger_path(telling).write_text(content)
        assert "notices cannot be made" in notify(telling, utc_now())[0]
    assert decisions.approve(telling, "recommender", None, **WHO).status == "champion"


@pytest.mark.parametrize(
    "setting", [{"notify_webhook": "ftp://here"}, {"notify_smtp": "mail.shop.example"}, {"notify_from": "a, b"}]
)
def test_an_address_that_is_none_is_refused_by_the_settings(setting: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(setting)


def test_a_signature_is_of_the_time_and_the_body() -> None:
    at = int(datetime(2026, 5, 1).timestamp())
    assert len({signature("k", b"a", at=at), signature("k", b"b", at=at), signature("k", b"a", at=at + 1)}) == 3
