"""Settings of one process: what `csms serve` may be told on the command line or in `CSMS_…` environment variables.

The order of precedence is: command line, environment, default. Every field is followed by its documentation (unit,
default, reason), from which `docs/reference/settings.md` is made. What belongs to the *station* (capacities,
chargers, fail-safe) is not here but in the station's configuration, which lives in the store and can be changed while
the process runs.
"""

import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from itertools import combinations
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from csms.core.hiding import without_credentials
from csms.postgres_url import FORM, is_postgres, parse

ENV_PREFIX: Final = "CSMS_"
KEY_VARIABLE: Final = "CSMS_API_KEY"
KEY_FILE_VARIABLE: Final = "CSMS_API_KEY_FILE"
"""What commands that ask a server show it as their key; no settings of the server."""
SQLITE_PREFIX: Final = "sqlite:///"
SHOWN_CHARS_MAX: Final = 200
"""So much of a path is repeated."""
HOST_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,253}")
ID_TAG: Final = re.compile(r"[\x21-\x7e]{1,20}")


class LogLevel(StrEnum):
    """The least severe event that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How events are written to standard error."""

    AUTO = "auto"
    """Coloured lines on a terminal, JSON otherwise."""
    CONSOLE = "console"
    JSON = "json"


class RestAccess(StrEnum):
    """Whether the REST API asks for a key."""

    AUTO = "auto"
    """Not on this machine alone; beyond it always."""
    KEYS = "keys"
    """Always."""
    OPEN = "open"
    """Never."""


class UnknownChargers(StrEnum):
    """What becomes of chargers that are not configured."""

    REFUSE = "refuse"
    """Their handshake is answered 404."""
    PENDING = "pending"
    """They are let in as guests, and their BootNotification is answered Pending."""
    REJECT = "reject"
    """The same with Rejected, and the connection is closed."""


def _existing_file(path: Path) -> Path:
    mode = _mode(path)
    if mode is None:
        raise PydanticCustomError("no_file", "no such file: {path}", {"path": _shown(path)})
    if not stat.S_ISREG(mode):
        raise PydanticCustomError("no_file", "is not a file: {path}", {"path": _shown(path)})
    return path


def _mode(path: Path) -> int | None:
    """Return what the system says that a path is, None where it says that nothing is there."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        told = {"path": _shown(path), "reason": error.strerror}
        raise PydanticCustomError("no_file", "cannot be read: {path}: {reason}", told) from None


def _shown(path: Path) -> str:
    """Return a path as text: its bytes need not be any, and it may be far too long."""
    return _cut(os.fsencode(path).decode("utf-8", "backslashreplace"))


def _named(part: str) -> str:
    """Return which part of a list is meant: it may be an address with a password that was meant for elsewhere."""
    return _cut(without_credentials(part.encode("utf-8", "backslashreplace").decode()))


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}…"


def _database_url(url: str) -> str:
    if is_postgres(url):
        parts = parse(url)
        if isinstance(parts, str):
            raise PydanticCustomError("database_url", "{reason}", {"reason": parts})
        return url
    if not url.startswith(SQLITE_PREFIX) or not url.removeprefix(SQLITE_PREFIX).strip():
        # The value is not repeated: a database URL may hold a password.
        raise PydanticCustomError(
            "database_url", f"must be sqlite:///PATH (sqlite:////PATH for an absolute path) or {FORM}"
        )
    if "?" in url or "#" in url:
        raise PydanticCustomError("database_url", "takes no parameters after the path of the file")
    parent = Path(url.removeprefix(SQLITE_PREFIX)).parent
    if not stat.S_ISDIR(_mode(parent) or 0):
        raise PydanticCustomError("database_url", "its folder does not exist: {parent}", {"parent": _shown(parent)})
    return url


def is_loopback(host: str) -> bool:
    """Return whether an address to listen on can be reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _hosts(text: str) -> str:
    for name in _split(text):
        if not HOST_NAME.fullmatch(name) and not is_address(name):
            told = {"name": _named(name)}
            raise PydanticCustomError("hosts", "must be host names without ports, separated by commas: {name}", told)
    return text


def is_address(name: str) -> bool:
    """Return whether a host is written as an IP address."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _meet(here: str, there: str) -> bool:
    """Return whether two hosts to listen on may be one: a name may be that of any address."""
    if here == there or not (is_address(here) and is_address(there)):
        return True
    return ip_address(here).is_unspecified or ip_address(there).is_unspecified or ip_address(here) == ip_address(there)


def _split(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(",") if (name := part.strip()))


def _id_tag(text: str) -> str:
    if not ID_TAG.fullmatch(text):
        raise PydanticCustomError("id_tag", "must be 1 to 20 printable ASCII characters without spaces")
    return text


def _host(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("host", "must be an address or a host name")
    return text.strip()


def _listed(given: object) -> object:
    """Return what an environment variable holds, separated by commas, as the list that a command line gives."""
    return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        told = {"text": _named(text)}
        raise PydanticCustomError("address", "must be an IP address, such as 10.0.0.5: {text}", told) from None


Port = Annotated[int, Field(ge=0, le=65535)]
Host = Annotated[str, AfterValidator(_host)]
IdTag = Annotated[str, AfterValidator(_id_tag)]
ExistingFile = Annotated[Path, AfterValidator(_existing_file)]
Files = Annotated[tuple[ExistingFile, ...], NoDecode, BeforeValidator(_listed)]
Addresses = Annotated[tuple[Annotated[str, AfterValidator(_address)], ...], NoDecode, BeforeValidator(_listed)]


class Settings(BaseSettings):
    """Everything that one `csms serve` process can be told; frozen once read."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        # An empty variable means "not set", as in most compose files that pass variables through.
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )

    config: ExistingFile | None = None
    """Station configuration (JSON file) that seeds an empty store. Default: none, the store's own configuration is
    used. Once the store holds a configuration it wins, so that a restart never undoes what an operator changed
    through REST."""

    replace_config: bool = False
    """Put the file named by `config` in place of the configuration in the store. Default: no; a file that differs
    from the store is only reported, with a diff."""

    host: Host = "127.0.0.1"
    """Address that the REST API listens on; 0.0.0.0 is every one of this machine. Default: this machine only. Beyond
    it REST asks for a key (`rest_access`), and is not encrypted: put a proxy with TLS before it."""

    port: Port = 3000
    """TCP port of the REST API; 0 takes any free port and prints it. Default: 3000, the documented one."""

    rest_access: RestAccess = RestAccess.AUTO
    """Whether the REST API asks for a key (`csms keys create`): `auto` (not where `host` is this machine alone, always
    beyond it), `keys` (always) or `open` (never; whoever reaches it may do everything). Default: auto. Where a key is
    needed and none is in force the server does not start."""

    rest_hosts: Annotated[str, AfterValidator(_hosts)] = ""
    """Names under which the REST API may be asked besides its address and localhost, separated by commas; a request
    whose `Host` is another is refused (421), against pages that point a name of theirs at this system. Default: none,
    which where a key is needed beyond this machine means any name, and elsewhere its addresses and its own name. What
    is named here may also be the `Origin` of a change."""

    rest_rate_per_s: Annotated[int, Field(ge=0, le=100_000)] = 200
    """Requests a second of one address (of IPv6: one network) that the REST API answers, ten times as many at once; the
    others are answered 429. 0: any number. Default: 200, far above what a person or a dashboard asks. Behind a proxy
    all clients are one address."""

    ocpp_host: Host = "127.0.0.1"
    """Address that chargers connect to. Default: this machine only; use the address of the chargers' own network, or
    0.0.0.0 for all. Chargers with a key (`csms chargers key`) need it; those without come in from private addresses
    alone, with a notice each; from public addresses TLS is needed as well."""

    ocpp_port: Port = 9000
    """TCP port of the chargers' WebSocket; 0 takes any free port and prints it. Default: 9000, common for OCPP-J."""

    ocpp_tls_cert: Files = ()
    """PEM file of the certificate for chargers that come over TLS, with its chain. One for an ECDSA key and one for an
    RSA key serve every charger: give it twice, or two in one variable, separated by a comma. Default: none, and no TLS.
    Files that change are taken up within a minute, and no connection ends by that."""

    ocpp_tls_key: Files = ()
    """PEM file of the key of each `ocpp_tls_cert`, in the same order, without a password. Default: none."""

    ocpp_tls_port: Port = 9443
    """TCP port of the chargers' WebSocket over TLS, beside `ocpp_port`; 0 takes any free port and prints it. Default:
    9443. It is listened on when there is a certificate."""

    ocpp_client_ca: ExistingFile | None = None
    """PEM file of the authorities whose certificates chargers may show over TLS in place of a password (security
    profile 3); a certificate's common name must be the charger's id. Default: none, and no certificate is asked for."""

    trusted_proxy: Addresses = ()
    """IP address of a reverse proxy that ends TLS before this server and is believed its `X-Forwarded-For` and
    `X-Forwarded-Proto`; may be given more than once, or several in one variable, separated by commas. Default: none;
    what comes through a proxy that is not named counts as public."""

    ocpp_rate_per_s: Annotated[int, Field(ge=0, le=100_000)] = 10
    """Messages a second of one charger that are read at any time, thirty times as many at once (each KiB counts as one
    more); beyond that chargers share thirty times as many, and five hundred times while the server has half of a
    processor idle, and wait between two messages: nothing is lost, and no connection is closed for it. 0: any number.
    Default: 10, far above what a charger measures."""

    unknown_chargers: UnknownChargers = UnknownChargers.REFUSE
    """What becomes of chargers that are not configured: `refuse` (404), `pending` (their BootNotification is answered
    Pending, to be repeated after 60 s; everything else they send is refused, nothing is sent to them, and what they
    say of themselves is in `GET /chargers/knocking`; once configured they are served at once) or `reject` (the same
    with Rejected, and the connection is closed). Default: refuse, because pending lets strangers hold connections
    (128 at most)."""

    database: Annotated[str, AfterValidator(_database_url), Field(repr=False)] = "sqlite:///csms.sqlite3"
    """Where everything durable is kept, as `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST:PORT/NAME` (which needs
    the extra `postgres`). Default: a file in the working folder, so that nothing has to be set up; every acknowledged
    message is on disk in it before it is acknowledged."""

    id_tags: Literal["auto", "open", "listed"] | ExistingFile = "auto"
    """What becomes of id tags that are not listed at `/id-tags`: `open` (all may charge), `listed` (none may, but the
    virtual one), or a text file, one id tag a line, of those that may. Default: auto, which is open where chargers
    connect from this machine only, and listed beyond: who gives power away says so. Start-up prints which it is."""

    keep_samples_days: Annotated[int, Field(ge=0, le=36_500)] = 730
    """Days for which meter values are kept after they came in, byte for byte, signed ones too; 0 is for ever. Default:
    730, two years in which a bill may be disputed. Those of open transactions stay, and what a session is billed by
    (its start, its end and its registers) is kept for ever."""

    keep_log_days: Annotated[int, Field(ge=0, le=36_500)] = 90
    """Days for which the lines of the event log are kept; 0 is for ever. Default: 90."""

    keep_log_rows: Annotated[int, Field(ge=0)] = 1_000_000
    """Lines of the event log that are kept at the most, the newest ones; 0 is any number. Default: 1000000, so that a
    charger that talks without end cannot fill the disk. A text in it is cut after 8192 characters."""

    log_level: LogLevel = LogLevel.INFO
    """Least severe event that is logged: debug, info, warning or error. Default: info; debug adds every OCPP frame."""

    log_format: LogFormat = LogFormat.AUTO
    """How events are written to standard error: auto, console or json. Default: auto, which is console on a terminal
    and one JSON object per line otherwise."""

    virtual_id_tag: IdTag = "5E450001"
    """Id tag sent with a remote start when the REST client names none: 1 to 20 printable ASCII characters (OCPP 1.6
    §7.28). Default: 5E450001."""

    heartbeat_interval_s: Annotated[int, Field(ge=1, le=86_400)] = 60
    """Seconds between a charger's heartbeats, told to it in BootNotification.conf. Default: 60, so that a dead
    connection is known within minutes at a negligible load. Never 0, which would let the charger choose."""

    request_wait_s: Annotated[int, Field(ge=1, le=300)] = 30
    """Seconds that a REST request waits for a charger (remote start and stop) before it is answered 504. Default: 30,
    long enough for a charger that first locks the plug. A request may choose its own with `?wait=`."""

    stall_report_s: Annotated[int, Field(ge=0, le=3_600)] = 10
    """Seconds for which the event loop stands still, or one commit lasts, before the stacks of all threads are written
    to standard error; 0: never. Default: 10, far above the longest step of a large station."""

    stall_exit_s: Annotated[int, Field(ge=0, le=3_600)] = 60
    """Seconds for which the event loop stands still, or one commit lasts, before the process ends itself with exit
    status 4, for a supervisor to start it again; 0: never. Default: 60. Chargers keep their limits meanwhile, but while
    it stands still nobody cuts and nobody is answered."""

    @model_validator(mode="after")
    def _agree_with_each_other(self) -> Self:
        if self.replace_config and self.config is None:
            raise PydanticCustomError("no_config", "--replace-config needs --config")
        same = self._same_ports()
        if same:
            told = {"one": same[0], "other": same[1]}
            raise PydanticCustomError("same_port", "{one} and {other} are the same; each needs its own", told)
        if len(self.ocpp_tls_cert) != len(self.ocpp_tls_key):
            raise PydanticCustomError("tls_pairs", "each --ocpp-tls-cert needs its --ocpp-tls-key, in the same order")
        if self.ocpp_client_ca is not None and not self.ocpp_tls_cert:
            raise PydanticCustomError("tls_ca", "--ocpp-client-ca needs --ocpp-tls-cert and --ocpp-tls-key")
        return self

    def _same_ports(self) -> tuple[str, str] | None:
        """Return the flags of two listeners that would be at one port, if any."""
        listeners = [("--port", self.host, self.port), ("--ocpp-port", self.ocpp_host, self.ocpp_port)]
        if self.ocpp_tls_cert:
            listeners.append(("--ocpp-tls-port", self.ocpp_host, self.ocpp_tls_port))
        return next(
            (
                (one, other)
                for (one, here, port), (other, there, other_port) in combinations(listeners, 2)
                if port == other_port != 0 and _meet(here, there)
            ),
            None,
        )

    @property
    def rest_needs_keys(self) -> bool:
        """Return whether the REST API asks for a key."""
        return self.rest_access is RestAccess.KEYS or (
            self.rest_access is RestAccess.AUTO and not is_loopback(self.host)
        )

    @property
    def rest_host_names(self) -> tuple[str, ...]:
        """Return the names of `rest_hosts`."""
        return _split(self.rest_hosts)

    @property
    def id_tags_in_force(self) -> str:
        """Return what becomes of id tags that are not listed: `open`, `listed` or the path of a file."""
        if self.id_tags == "auto":
            return "open" if is_loopback(self.ocpp_host) else "listed"
        return str(self.id_tags)

    @property
    def database_path(self) -> Path:
        """Return the SQLite file that `database` names, relative paths as they were given."""
        return Path(self.database.removeprefix(SQLITE_PREFIX))


@dataclass(frozen=True, slots=True)
class SettingFault:
    """One setting that cannot be used.

    Attributes:
        where: the flag (`--port`) or the environment variable (`CSMS_PORT`) that holds it.
        reason: one short sentence; it never repeats a value that may be secret.
    """

    where: str
    reason: str

    def __str__(self) -> str:
        """Return both as one line."""
        return f"{self.where}: {self.reason}"


def read_settings(given: Mapping[str, object]) -> Settings | tuple[SettingFault, ...]:
    """Return settings from `given` (by field name), else the environment, else defaults; or every fault found."""
    try:
        return Settings(**given)  # type: ignore[arg-type]  # the values are validated here, that is the point
    except ValidationError as error:
        return _faults(error, given)


def unknown_variables(environment: Mapping[str, str] = os.environ) -> Sequence[str]:
    """Return the names in the environment that look like settings but are none: most likely misspelt."""
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields} | {KEY_VARIABLE, KEY_FILE_VARIABLE}
    return sorted(name for name in environment if name.upper().startswith(ENV_PREFIX) and name.upper() not in known)


def _faults(error: ValidationError, given: Mapping[str, object]) -> tuple[SettingFault, ...]:
    def where(field: str) -> str:
        return "--" + field.replace("_", "-") if field in given else ENV_PREFIX + field.upper()

    faults: dict[str, SettingFault] = {}
    for item in error.errors(include_url=False, include_input=False):
        reason = item["msg"].replace("Input should", "must")
        if item["loc"]:
            field, *part = item["loc"]
            # A union reports once per member; the last one (the file) says most. Of a list each part has its own.
            key = f"{field} {part[0]}" if part and isinstance(part[0], int) else str(field)
            faults[key] = SettingFault(where(str(field)), reason)
        else:
            faults[item["type"]] = SettingFault("settings", reason)
    return tuple(faults.values())
