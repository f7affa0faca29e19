"""Signatures of Bentos: the pair of keys, what holds, and every way in which it does not."""

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from approved_toys import crown_toy, toys

from models.registry.registry import ModelRegistry
from serving.packaging.manifest import verify_manifest, write_manifest
from serving.packaging.sbom import sbom
from serving.packaging.signing import (
    PRIVATE_KEY,
    PUBLIC_KEY,
    BentoSignatureError,
    Signer,
    TrustedKey,
    signature_of,
    trusted_key,
    verify_signature,
)
from serving.served_model import ARTEFACT_FOLDER, DESCRIPTION_FILE, ServedModel, describe
from shopsight.families import FAMILIES
from shopsight.settings import REPO_ROOT, Settings


def key_of(home: Settings) -> TrustedKey:
    key = trusted_key(home)
    assert key is not None
    return key


@pytest.fixture
def signed(home: Settings) -> Path:
    home.home.mkdir(exist_ok=True)
    path = home.home / "served.json"
    path.write_text('{"version": "v0001"}')
    Signer(home).sign(path)
    return path


def test_the_pair_of_keys_is_made_once_and_only_its_owner_reads_the_private_one(home: Settings) -> None:
    assert trusted_key(home) is None
    name = Signer(home).key_name
    assert Signer(home).key_name == name == key_of(home).name
    assert (home.keys_dir / PRIVATE_KEY).stat().st_mode & 0o777 == 0o600
    assert (home.keys_dir / PUBLIC_KEY).read_text().startswith("-----BEGIN PUBLIC KEY-----")


def test_a_signature_holds_for_the_very_bytes_that_were_signed(home: Settings, signed: Path) -> None:
    verify_signature(signed, key_of(home), signed_by=key_of(home).name)
    signed.write_text('{"version": "v0002"}')
    with pytest.raises(BentoSignatureError, match="was changed"):
        verify_signature(signed, key_of(home), signed_by=key_of(home).name)


@pytest.mark.parametrize("signature", [b"", b"no base64!", base64.b64encode(b"\0" * 64), base64.b64encode(b"short")])
def test_what_is_no_signature_is_refused(home: Settings, signed: Path, signature: bytes) -> None:
    signature_of(signed).write_bytes(signature)
    with pytest.raises(BentoSignatureError, match="does not hold"):
        verify_signature(signed, key_of(home), signed_by=key_of(home).name)


def test_a_signature_that_was_taken_away_is_missed(home: Settings, signed: Path) -> None:
    signature_of(signed).unlink()
    with pytest.raises(BentoSignatureError, match=r"served\.json\.sig cannot be read"):
        verify_signature(signed, key_of(home), signed_by=key_of(home).name)


def test_what_another_home_signed_is_refused_with_both_keys_named(home: Settings, signed: Path) -> None:
    other = home.model_copy(update={"home": home.home / "other"})
    Signer(other)
    with pytest.raises(BentoSignatureError, match=rf"{key_of(home).name} signed it, and .* is {key_of(other).name}"):
        verify_signature(signed, key_of(other), signed_by=key_of(home).name)


def test_what_was_built_before_there_were_signatures_is_refused_only_where_the_setting_demands_one(
    home: Settings, tmp_path: Path
) -> None:
    Signer(home)
    unsigned = tmp_path / "files.json"
    unsigned.write_text("{}")
    verify_signature(unsigned, key_of(home), signed_by=None)
    demanding = home.model_copy(update={"bento_public_key": home.keys_dir / PUBLIC_KEY})
    with pytest.raises(BentoSignatureError, match="demands a signature"):
        verify_signature(unsigned, key_of(demanding), signed_by=None)


def test_a_file_that_is_no_public_key_is_named(home: Settings, tmp_path: Path) -> None:
    for content in (None, b"", b"-----BEGIN PUBLIC KEY-----\n"):
        path = tmp_path / "key.pub"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(BentoSignatureError, match=r"key\.pub is no public key"):
            trusted_key(home.model_copy(update={"bento_public_key": path}))
    Signer(home)
    (home.keys_dir / PRIVATE_KEY).write_text("not hexadecimal")
    with pytest.raises(BentoSignatureError, match="no key that signs"):
        Signer(home)


def test_openssl_verifies_a_signature_by_itself(home: Settings, signed: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw.sig"
    raw.write_bytes(base64.b64decode(signature_of(signed).read_bytes()))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(home.keys_dir / PUBLIC_KEY), "-rawin"]
    try:
        done = subprocess.run(
            [*command, "-in", str(signed), "-sigfile", str(raw)], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("there is no openssl on this machine")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def bento(home: Settings) -> tuple[Path, Path]:
    """A small Bento and its model's folder, signed as the build signs them."""
    version = crown_toy(home, "recommender", toys().write_recommender(home.home / "toy"))
    path = home.bentoml_dir / "bentos" / "shopsight_recommendation" / "v0001-1"
    model = home.bentoml_dir / "models" / "recommender" / "v0001-1"
    path.mkdir(parents=True)
    model.mkdir(parents=True)
    (path / "code.py").write_text("")
    version.path.rename(model / ARTEFACT_FOLDER)
    text = describe(
        "recommender",
        "v0001",
        trained_at=version.created_at,
        card={},
        evaluation={},
        approval={},
        files=version.files,
        journal=ModelRegistry.of(home).head(),
    )
    (model / DESCRIPTION_FILE).write_text(text)
    Signer(home).sign(model / DESCRIPTION_FILE)
    return path, model


def test_a_list_of_files_whose_signature_was_taken_away_is_refused_though_the_journal_vouches_for_it(
    home: Settings, bento: tuple[Path, Path]
) -> None:
    digest = write_manifest(*bento, signer=Signer(home))
    verify_manifest(bento[0], digest, key=key_of(home))
    signature_of(bento[0] / "files.json").unlink()
    verify_manifest(bento[0], digest)
    with pytest.raises(BentoSignatureError, match=r"files\.json"):
        verify_manifest(bento[0], digest, key=key_of(home))


def test_a_model_whose_description_was_written_anew_is_refused_before_it_loads(
    home: Settings, bento: tuple[Path, Path]
) -> None:
    assert ServedModel.read(bento[1], key=key_of(home)).version == "v0001"
    path = bento[1] / DESCRIPTION_FILE
    description: dict[str, Any] = json.loads(path.read_text())
    path.write_text(json.dumps(description | {"version": "v0009"}))
    with pytest.raises(BentoSignatureError, match=r"served\.json"):
        ServedModel.read(bento[1], key=key_of(home))


def test_the_bill_of_materials_lists_every_package_with_its_hashes_and_the_model_with_its_files(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    digests = ["a" * 64, "b" * 64]
    lock.write_text(
        f"# made\nnumpy==2.3.1 \\\n    --hash=sha256:{digests[0]} \\\n    --hash=sha256:{digests[1]}\ntorch==2.13.0\n"
    )
    bill = sbom(
        family="recommender",
        version="v0001",
        tag="v0001-1",
        packages=["numpy==2.3.1", "torch==2.13.0 ; sys_platform == 'linux'"],
        files={"weights.json": "c" * 64},
        lock=lock,
    )
    model, numpy, torch = bill["components"]
    assert numpy["purl"] == "pkg:pypi/numpy@2.3.1"
    assert [one["content"] for one in numpy["externalReferences"][0]["hashes"]] == digests
    assert numpy["licenses"][0]["license"]["name"]
    assert torch["version"] == "2.13.0"
    assert "externalReferences" not in torch
    assert model["components"][0]["hashes"][0]["content"] == "c" * 64
    assert bill["metadata"]["component"]["name"] == FAMILIES["recommender"].bento


def test_the_bill_of_real_packages_is_valid_cyclonedx() -> None:
    validation = pytest.importorskip("cyclonedx.validation.json", reason="cyclonedx-python-lib is not installed")
    from cyclonedx.schema import SchemaVersion

    from serving.packaging.requirements import locked_requirements

    packages = locked_requirements(FAMILIES["recommender"], REPO_ROOT)[:8]  # its checker reads addresses slowly
    bill = sbom(
        family="recommender",
        version="v0001",
        tag="v0001-1",
        packages=packages,
        files={"weights.json": "c" * 64},
        lock=REPO_ROOT / "requirements.lock",
    )
    error = validation.JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill))
    assert error is None, error
    assert len(bill["components"]) == len(packages) + 1
