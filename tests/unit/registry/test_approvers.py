"""Who may decide what, by the file of approvers alone."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.registry.approvers import Act, ApproversError, ApproversFile, Authority, NotAllowedError
from shopsight.contracts import APPROVAL_POLICY
from shopsight.settings import REPO_ROOT

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
REASON = "ticket 12: better on every slice"

SHOP = """\
approvers:
  - {name: Ada Lovelace, families: [recommender, churn], email: ada@shop.example}
  - {name: Grace Hopper, role: observer}
  - {name: Olga, role: on call}
delegations:
  - {from: Ada Lovelace, to: Grace Hopper, since: 2026-05-01, until: 2026-05-02, families: [churn]}
reasons: {min_length: 12, words: [ticket, incident]}
automatic: [intent]
"""


@pytest.fixture
def file(tmp_path: Path) -> ApproversFile:
    (tmp_path / "approvers.yml").write_text(SHOP)
    return ApproversFile(tmp_path / "approvers.yml")


def decide(
    file: ApproversFile,
    name: str,
    act: Act = "approve",
    family: str = "churn",
    *,
    reason: str = REASON,
    at: datetime = NOON,
) -> Authority:
    return file.authority(act, family, name=name, reason=reason, at=at)


def test_without_a_file_whoever_is_let_in_decides(tmp_path: Path) -> None:
    authority = decide(ApproversFile(tmp_path / "approvers.yml"), "anybody", reason="ok")
    assert (authority.people, authority.details) == (("anybody",), {})


def test_the_file_on_the_page_of_documentation_is_valid(tmp_path: Path) -> None:
    page = (REPO_ROOT / "docs" / "approval.md").read_text()
    path = tmp_path / "approvers.yml"
    path.write_text(page.split("```yaml\n")[1].split("```")[0])
    content = ApproversFile(path).read()
    assert content is not None
    assert [one.name for one in content[0].approvers] == ["Ada Lovelace", "Grace Hopper", "Vera Rubin"]


@pytest.mark.parametrize("name", ["Ada Lovelace", "ada-lovelace", "ADA  LOVELACE"])
def test_a_name_is_recorded_as_the_file_spells_it(file: ApproversFile, name: str) -> None:
    authority = decide(file, name)
    assert authority.people == ("Ada Lovelace",)
    assert authority.file is not None


@pytest.mark.parametrize(
    ("name", "act", "family", "why"),
    [
        ("Bob", "approve", "churn", "has no such name"),
        ("\u0410da Lovelace", "approve", "churn", "only looks like 'Ada Lovelace'"),
        ("Ada Lovelace", "approve", "intent", "as 'approver' of recommender, churn"),
        ("Olga", "approve", "churn", "as 'on call'"),
        ("Grace Hopper", "approve", "recommender", "as 'observer'"),
    ],
)
def test_who_may_not_is_told_why_and_who_may(file: ApproversFile, name: str, act: Act, family: str, why: str) -> None:
    with pytest.raises(NotAllowedError, match=why) as refusal:
        decide(file, name, act, family)
    assert "ask one of those who may: " in refusal.value.fix


def test_who_is_on_call_rejects_and_rolls_back(file: ApproversFile) -> None:
    acts: tuple[Act, ...] = ("reject", "roll back")
    for act in acts:
        assert decide(file, "Olga", act).people == ("Olga",)


def test_a_deputy_decides_for_somebody_in_the_days_and_families_of_the_delegation(file: ApproversFile) -> None:
    assert decide(file, "Grace Hopper").people == ("Grace Hopper", "Ada Lovelace")
    assert decide(file, "Grace Hopper", at=NOON.replace(day=2, hour=23)).on_behalf_of == "Ada Lovelace"
    for late in (NOON.replace(day=3, hour=0), NOON.replace(month=4, day=30)):
        with pytest.raises(NotAllowedError):
            decide(file, "Grace Hopper", at=late)


@pytest.mark.parametrize("reason", ["ticket 1", "I looked at it for long", "the tickets were all closed"])
def test_a_reason_has_the_length_and_a_word_that_the_file_asks_for(file: ApproversFile, reason: str) -> None:
    with pytest.raises(NotAllowedError, match="reason"):
        decide(file, "Ada Lovelace", reason=reason)


def test_the_policy_approves_the_families_that_the_file_names_and_does_nothing_else(file: ApproversFile) -> None:
    assert decide(file, APPROVAL_POLICY, family="intent", reason="ok").name == APPROVAL_POLICY
    forbidden: tuple[tuple[Act, str], ...] = (("approve", "churn"), ("reject", "intent"), ("roll back", "intent"))
    for act, family in forbidden:
        with pytest.raises(NotAllowedError, match="The policy may not"):
            decide(file, APPROVAL_POLICY, act, family)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("approvers: []", "at least 1"),
        ("", "Field required"),
        ("approvers: [{name: ' '}]", "no name"),
        ("approvers: [{name: Training-Run}]", "signs with this name"),
        ("approvers: [{name: 'tr\u0430ining run'}]", "signs with this name"),
        ("approvers: [{name: Ada}, {name: ADA}]", "taken for one another"),
        ("approvers: [{name: Ada}, {name: \u0410d\u0430}]", "taken for one another"),
        ("approvers: [{name: Ida}, {name: lda}]", "taken for one another"),
        ("approvers: [{name: Ada, families: [recomender]}]", "no model family"),
        ("approvers: [{name: Ada, role: king}]", "role"),
        ("approvers: [{name: Ada, email: 'ada@shop.example, eve@shop.example'}]", "email"),
        ("approvers: [{name: Ada, mail: ada@shop.example}]", "Extra inputs"),
        (
            "approvers: [{name: Ada}]\ndelegations: [{from: Ada, to: Bob, since: 2026-05-01, until: 2026-05-02}]",
            "whom `approvers` does not list",
        ),
        (
            "approvers: [{name: Ada}, {name: Bob}]\n"
            "delegations: [{from: Ada, to: Bob, since: 2026-05-03, until: 2026-05-02}]",
            "before it begins",
        ),
        ("approvers: [", "while parsing"),
        ("\x00", "unacceptable character"),
    ],
)
def test_while_the_file_says_what_cannot_be_nobody_decides(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "approvers.yml"
    path.write_text(content)
    with pytest.raises(ApproversError, match=why):
        decide(ApproversFile(path), "Ada")


def test_the_digest_in_a_record_is_that_of_the_file_that_gave_the_right(file: ApproversFile, tmp_path: Path) -> None:
    before = decide(file, "Ada Lovelace").file
    (tmp_path / "approvers.yml").write_text(SHOP + "# a comment\n")
    assert before != decide(file, "Ada Lovelace").file
