import os
from pathlib import Path

import pytest

from csms.postgres_url import FORM
from csms.settings import (
    LogFormat,
    LogLevel,
    RestAccess,
    Settings,
    UnknownChargers,
    is_loopback,
    read_settings,
    unknown_variables,
)

FORMS = f"must be sqlite:///PATH (sqlite:////PATH for an absolute path) or {FORM}"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings of the machine that runs the tests must not decide them."""
    for name in [name for name in os.environ if name.upper().startswith("CSMS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def read_good(**given: object) -> Settings:
    settings = read_settings(given)
    assert isinstance(settings, Settings), settings
    return settings


def read_faults(**given: object) -> list[str]:
    faults = read_settings(given)
    assert isinstance(faults, tuple), faults
    return [str(fault) for fault in faults]


def test_defaults_are_the_documented_ones() -> None:
    assert read_good().model_dump() == {
        "config": None,
        "replace_config": False,
        "host": "127.0.0.1",
        "port": 3000,
        "rest_access": RestAccess.AUTO,
        "rest_hosts": "",
        "rest_rate_per_s": 200,
        "ocpp_host": "127.0.0.1",
        "ocpp_port": 9000,
        "ocpp_rate_per_s": 10,
        "unknown_chargers": UnknownChargers.REFUSE,
        "database": "sqlite:///csms.sqlite3",
        "ocpp_tls_cert": (),
        "ocpp_tls_key": (),
        "ocpp_tls_port": 9443,
        "ocpp_client_ca": None,
        "trusted_proxy": (),
        "id_tags": "auto",
        "keep_samples_days": 730,
        "keep_log_days": 90,
        "keep_log_rows": 1_000_000,
        "log_level": LogLevel.INFO,
        "log_format": LogFormat.AUTO,
        "virtual_id_tag": "5E450001",
        "heartbeat_interval_s": 60,
        "request_wait_s": 30,
        "stall_report_s": 10,
        "stall_exit_s": 60,
    }


def test_every_setting_is_documented_where_it_is_declared() -> None:
    undocumented = [
        name for name, field in Settings.model_fields.items() if "Default:" not in (field.description or "")
    ]
    assert undocumented == []


@pytest.mark.parametrize(
    ("environment", "given", "port"),
    [
        ({}, {}, 3000),
        ({"CSMS_PORT": "3100"}, {}, 3100),
        ({"CSMS_PORT": "3100"}, {"port": "3200"}, 3200),
        ({"CSMS_PORT": ""}, {}, 3000),
        ({"CSMS_PORT": "0"}, {}, 0),
    ],
)
def test_the_command_line_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], given: dict[str, str], port: int
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert read_good(**given).port == port


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({"port": "65536"}, ["--port: must be less than or equal to 65535"]),
        ({"port": "-1"}, ["--port: must be greater than or equal to 0"]),
        ({"ocpp_port": "nine"}, ["--ocpp-port: must be a valid integer, unable to parse string as an integer"]),
        ({"port": "9000"}, ["settings: --port and --ocpp-port are the same; each needs its own"]),
        (
            {"port": "9000", "ocpp_host": "0.0.0.0"},  # noqa: S104 - nothing is bound
            ["settings: --port and --ocpp-port are the same; each needs its own"],
        ),
        (
            {"port": "9000", "host": "localhost"},
            ["settings: --port and --ocpp-port are the same; each needs its own"],
        ),
        (
            {"port": "9443", "ocpp_tls_cert": [__file__], "ocpp_tls_key": [__file__]},
            ["settings: --port and --ocpp-tls-port are the same; each needs its own"],
        ),
        ({"replace_config": True}, ["settings: --replace-config needs --config"]),
        ({"config": "absent.json"}, ["--config: no such file: absent.json"]),
        ({"unknown_chargers": "accept"}, ["--unknown-chargers: must be 'refuse', 'pending' or 'reject'"]),
        ({"unknown_chargers": "Pending"}, ["--unknown-chargers: must be 'refuse', 'pending' or 'reject'"]),
        ({"config": "."}, ["--config: is not a file: ."]),
        ({"config": "x" * 999}, [f"--config: cannot be read: {'x' * 200}…: File name too long"]),
        ({"config": "a\udcff"}, ["--config: no such file: a\\xff"]),
        ({"database": f"sqlite:///{'x' * 999}/a"}, [f"--database: cannot be read: {'x' * 200}…: File name too long"]),
        ({"id_tags": "absent.txt"}, ["--id-tags: no such file: absent.txt"]),
        ({"rest_access": "yes"}, ["--rest-access: must be 'auto', 'keys' or 'open'"]),
        ({"rest_hosts": "b,a:3000"}, ["--rest-hosts: must be host names without ports, separated by commas: a:3000"]),
        (
            {"rest_hosts": "http://me:{hush}@a"},
            ["--rest-hosts: must be host names without ports, separated by commas: http://***@a"],
        ),
        ({"rest_rate_per_s": "-1"}, ["--rest-rate-per-s: must be greater than or equal to 0"]),
        ({"ocpp_tls_cert": ["absent.crt"]}, ["--ocpp-tls-cert: no such file: absent.crt"]),
        ({"ocpp_client_ca": "absent.crt"}, ["--ocpp-client-ca: no such file: absent.crt"]),
        (
            {"ocpp_tls_cert": [__file__]},
            ["settings: each --ocpp-tls-cert needs its --ocpp-tls-key, in the same order"],
        ),
        ({"ocpp_client_ca": __file__}, ["settings: --ocpp-client-ca needs --ocpp-tls-cert and --ocpp-tls-key"]),
        (
            {"ocpp_tls_cert": [__file__], "ocpp_tls_key": [__file__], "ocpp_tls_port": "9000"},
            ["settings: --ocpp-port and --ocpp-tls-port are the same; each needs its own"],
        ),
        ({"trusted_proxy": ["proxy"]}, ["--trusted-proxy: must be an IP address, such as 10.0.0.5: proxy"]),
        (
            {"trusted_proxy": ["10.0.0.1", "foo", "::1", "a\udcff" + "x" * 999]},
            [
                "--trusted-proxy: must be an IP address, such as 10.0.0.5: foo",
                f"--trusted-proxy: must be an IP address, such as 10.0.0.5: a\\udcff{'x' * 193}…",
            ],
        ),
        (
            {"ocpp_tls_cert": [__file__, "absent.crt"]},
            ["--ocpp-tls-cert: no such file: absent.crt"],
        ),
        ({"host": " "}, ["--host: must be an address or a host name"]),
        ({"virtual_id_tag": "A" * 21}, ["--virtual-id-tag: must be 1 to 20 printable ASCII characters without spaces"]),
        ({"virtual_id_tag": "a b"}, ["--virtual-id-tag: must be 1 to 20 printable ASCII characters without spaces"]),
        ({"heartbeat_interval_s": "0"}, ["--heartbeat-interval-s: must be greater than or equal to 1"]),
        ({"keep_log_days": "-1"}, ["--keep-log-days: must be greater than or equal to 0"]),
        ({"keep_samples_days": "36501"}, ["--keep-samples-days: must be less than or equal to 36500"]),
        ({"log_level": "loud"}, ["--log-level: must be 'debug', 'info', 'warning' or 'error'"]),
        ({"database": "sqlite://"}, [f"--database: {FORMS}"]),
        ({"database": "postgresql:/me@db/csms"}, [f"--database: {FORMS}"]),
        ({"database": "postgresql://me:{hush}@db"}, [f"--database: names no database: write {FORM}"]),
        ({"database": "sqlite:///absent/a.db"}, ["--database: its folder does not exist: absent"]),
        (
            {"port": "x", "log_format": "xml"},
            [
                "--port: must be a valid integer, unable to parse string as an integer",
                "--log-format: must be 'auto', 'console' or 'json'",
            ],
        ),
    ],
)
def test_bad_values_name_the_flag_and_the_reason(given: dict[str, object], faults: list[str]) -> None:
    assert read_faults(**given) == faults


def test_bad_values_in_the_environment_name_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_OCPP_PORT", "tcp://10.0.0.1:9000")
    assert read_faults() == ["CSMS_OCPP_PORT: must be a valid integer, unable to parse string as an integer"]


def test_a_password_in_a_database_url_is_not_repeated() -> None:
    assert "hush" not in "".join(read_faults(database="mysql://me:hush@db/csms"))
    assert "hush" not in "".join(read_faults(database="postgresql://me:hush@hush@db/csms"))
    settings = read_good(database="postgresql://me:hush@db/csms")
    assert settings.database == "postgresql://me:hush@db/csms"
    assert "hush" not in f"{settings!r} {settings}"


@pytest.mark.parametrize(
    ("url", "path"),
    [("sqlite:///csms.sqlite3", Path("csms.sqlite3")), ("sqlite:////srv/csms.sqlite3", Path("/srv/csms.sqlite3"))],
)
def test_database_path(url: str, path: Path) -> None:
    assert read_good(database=url).database_path == path


def test_a_file_of_id_tags() -> None:
    Path("tags.txt").write_text("ABC\n", encoding="utf-8")
    assert read_good(id_tags="tags.txt").id_tags == Path("tags.txt")


@pytest.mark.parametrize(
    ("host", "given", "in_force"),
    [
        ("127.0.0.1", {}, "open"),
        ("127.0.0.2", {}, "open"),
        ("::1", {}, "open"),
        ("localhost", {}, "open"),
        ("0.0.0.0", {}, "listed"),  # noqa: S104 - nothing is bound
        ("::", {}, "listed"),
        ("192.168.1.5", {}, "listed"),
        ("sems.example", {}, "listed"),
        ("192.168.1.5", {"id_tags": "open"}, "open"),
        ("127.0.0.1", {"id_tags": "listed"}, "listed"),
    ],
)
def test_who_may_charge_unlisted_depends_on_how_far_the_door_reaches(
    host: str, given: dict[str, str], in_force: str
) -> None:
    assert read_good(ocpp_host=host, **given).id_tags_in_force == in_force


def test_several_files_and_addresses_come_from_flags_and_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ec.crt", "ec.key", "rsa.crt", "rsa.key"):
        Path(name).write_text("", encoding="utf-8")
    given = read_good(ocpp_tls_cert=["ec.crt", "rsa.crt"], ocpp_tls_key=["ec.key", "rsa.key"], trusted_proxy=["::1"])
    assert given.ocpp_tls_cert == (Path("ec.crt"), Path("rsa.crt"))
    monkeypatch.setenv("CSMS_OCPP_TLS_CERT", "ec.crt, rsa.crt")
    monkeypatch.setenv("CSMS_OCPP_TLS_KEY", "ec.key,rsa.key")
    monkeypatch.setenv("CSMS_TRUSTED_PROXY", "10.0.0.1,0:0::1,")
    from_variables = read_good()
    assert from_variables.ocpp_tls_key == given.ocpp_tls_key == (Path("ec.key"), Path("rsa.key"))
    assert from_variables.trusted_proxy == ("10.0.0.1", "::1")


def test_a_variable_with_a_list_names_what_is_wrong_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_TRUSTED_PROXY", "10.0.0.1,foo")
    found = read_settings({})
    assert not isinstance(found, Settings)
    assert [str(fault) for fault in found] == ["CSMS_TRUSTED_PROXY: must be an IP address, such as 10.0.0.5: foo"]


def test_one_port_at_two_addresses_and_any_free_ones_are_no_clash() -> None:
    assert read_good(port="9000", host="10.0.0.1", ocpp_host="10.0.0.2").port == 9000
    assert read_good(port="9443").ocpp_tls_port == 9443, "without certificates nobody listens there"
    tls = {"ocpp_tls_cert": [__file__], "ocpp_tls_key": [__file__]}
    assert read_good(port="0", ocpp_port="0", ocpp_tls_port="0", **tls).port == 0


@pytest.mark.parametrize("word", ["auto", "open", "listed"])
def test_the_words_for_id_tags_are_no_files(word: str) -> None:
    assert read_good(id_tags=word).id_tags == word


def test_misspelt_variables_are_found() -> None:
    environment = {"CSMS_PORT": "1", "csms_host": "h", "CSMS_PROT": "1", "OTHER": "x"}
    assert unknown_variables(environment) == ["CSMS_PROT"]


EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound


@pytest.mark.parametrize(
    ("host", "access", "needs_keys"),
    [
        ("127.0.0.1", "auto", False),
        ("127.9.9.9", "auto", False),
        ("::1", "auto", False),
        ("localhost", "auto", False),
        ("LocalHost", "auto", False),
        (EVERYWHERE, "auto", True),
        ("::", "auto", True),
        ("10.0.0.7", "auto", True),
        ("localhost.example", "auto", True),
        ("127.0.0.1", "keys", True),
        (EVERYWHERE, "keys", True),
        ("127.0.0.1", "open", False),
        (EVERYWHERE, "open", False),
    ],
)
def test_where_rest_asks_for_a_key(host: str, access: str, *, needs_keys: bool) -> None:
    assert read_good(host=host, rest_access=access).rest_needs_keys is needs_keys


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("a.example", ("a.example",)),
        (" a , b.example,, ", ("a", "b.example")),
        ("2001:db8::1", ("2001:db8::1",)),
    ],
)
def test_names_of_rest(text: str, names: tuple[str, ...]) -> None:
    assert read_good(rest_hosts=text).rest_host_names == names


def test_a_name_is_loopback_only_if_it_is_localhost() -> None:
    assert [is_loopback(host) for host in ("localhost", "local", "", "127.0.0.1.example")] == [
        True,
        False,
        False,
        False,
    ]


def test_the_key_that_commands_show_is_no_misspelt_setting() -> None:
    assert unknown_variables({"CSMS_API_KEY": "k", "CSMS_API_KEY_FILE": "f", "CSMS_APIKEY": "x"}) == ["CSMS_APIKEY"]
