"""Signatures of Bentos: by a key pair that is made at first use and kept beside the registry's key.

The private key signs a Bento's list of files and its model's description, which names the hashes of the artefact. A
signature is Ed25519 over the bytes of the file, in base64 beside it (``files.json.sig``): OpenSSL verifies it, too.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shopsight.errors import ShopsightError
from shopsight.key_files import key_of
from shopsight.settings import Settings
from shopsight.whole_files import replaced

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SUFFIX: Final = ".sig"
PRIVATE_KEY: Final = "bento_signing.key"
PUBLIC_KEY: Final = "bento_signing.pub"
"""PEM, as OpenSSL reads it: what somebody needs who verifies elsewhere."""


class BentoSignatureError(ShopsightError):
    """A Bento's signature does not hold."""


@dataclass(frozen=True, kw_only=True)
class TrustedKey:
    """The public key that signatures have to hold by."""

    raw: bytes
    file: Path
    demanded: bool
    """Whether what has no signature is refused: where the setting names the key."""

    @property
    def name(self) -> str:
        """What a signed file calls its key by: the start of its SHA-256."""
        return key_name(self.raw)


class Signer:
    """The holder of the private key of a home."""

    def __init__(self, settings: Settings) -> None:
        """Read the key pair; it is made where there is none."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        secret = key_of(settings.keys_dir / PRIVATE_KEY)
        try:
            self._key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret.decode()))
        except ValueError as error:
            raise BentoSignatureError(
                f"{settings.keys_dir / PRIVATE_KEY} is no key that signs.",
                why=f"it must hold 32 bytes as 64 hexadecimal digits ({error})",
                fix="restore it from a backup, or move it away: a new pair is made with the next Bento",
            ) from error
        public = settings.keys_dir / PUBLIC_KEY
        pem = _pem(self._key)
        if not public.exists() or public.read_bytes() != pem:
            with replaced(public) as staging:
                staging.write_bytes(pem)

    @property
    def key_name(self) -> str:
        """What a signed file calls this key by."""
        return key_name(_raw(self._key))

    def sign(self, path: Path) -> None:
        """Write the signature of a file beside it."""
        signature_of(path).write_bytes(base64.b64encode(self._key.sign(path.read_bytes())) + b"\n")


def signature_of(path: Path) -> Path:
    """Return the file with the signature of another one."""
    return path.with_name(path.name + SUFFIX)


def key_name(raw: bytes) -> str:
    """Return what a public key is called by."""
    return hashlib.sha256(raw).hexdigest()[:16]


def trusted_key(settings: Settings) -> TrustedKey | None:
    """Return the public key of the setting, or else the home's; None where there is neither.

    Raises:
        BentoSignatureError: the file holds no such key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    demanded = settings.bento_public_key is not None
    path = settings.bento_public_key or settings.keys_dir / PUBLIC_KEY
    if not demanded and not path.exists():
        return None
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(path, str(error)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "it is of another kind")
    return TrustedKey(raw=key.public_bytes_raw(), file=path, demanded=demanded)


def signed_by(bento: Path) -> str | None:
    """Return the key that a Bento's list of files says it is signed by; None of one that is not signed."""
    try:
        listed = json.loads((bento / "files.json").read_text())
    except (OSError, ValueError):
        return None
    return listed.get("signed_by") if signature_of(bento / "files.json").exists() else None


def verify_signature(path: Path, key: TrustedKey, *, signed_by: str | None) -> None:
    """Prove that a file is what the holder of a key signed.

    Args:
        path: the file.
        key: the key that it has to hold by.
        signed_by: the key that the file says it is signed by; None where it says nothing, as before there were
            signatures.

    Raises:
        BentoSignatureError: it is not, or is not signed though that is demanded.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signature = signature_of(path)
    if signed_by is None and not signature.exists():
        if key.demanded:
            raise _invalid(path, "it is not signed, and SHOPSIGHT_BENTO_PUBLIC_KEY demands a signature")
        return
    try:
        content = base64.b64decode(signature.read_bytes().strip(), validate=True)
        Ed25519PublicKey.from_public_bytes(key.raw).verify(content, path.read_bytes())
    except OSError as error:
        raise _invalid(path, f"{error.filename} cannot be read ({error.strerror})") from error
    except binascii.Error as error:
        raise _invalid(path, f"{signature.name} is no signature ({error})") from error
    except InvalidSignature as error:
        other = f"it says that the key {signed_by} signed it, and {key.file} is {key.name}"
        changed = "the file or its signature was changed"
        raise _invalid(path, other if signed_by not in (None, key.name) else changed) from error


def _invalid(path: Path, why: str) -> BentoSignatureError:
    return BentoSignatureError(
        f"The signature of {path} does not hold.",
        why=why,
        fix="restore the Bento or the key from a backup, or delete the Bento's folder: it is built and signed again",
    )


def _no_key(path: Path, why: str) -> BentoSignatureError:
    return BentoSignatureError(
        f"{path} is no public key that a Bento could be signed by.",
        why=why,
        fix=f"name the file {PUBLIC_KEY} of the home that builds the Bentos, in PEM, in SHOPSIGHT_BENTO_PUBLIC_KEY",
    )


def _raw(key: "Ed25519PrivateKey") -> bytes:
    return key.public_key().public_bytes_raw()


def _pem(key: "Ed25519PrivateKey") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
