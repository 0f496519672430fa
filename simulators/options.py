"""The command line of the simulators: what can be said, and the help that teaches it.

Values are checked here, one function per kind, so that a wrong one is named with its option and never gets further.
"""

import argparse
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

from simulators.cars import CarModel, NoSuchCar, find_car
from simulators.characters import Family, Unusable, find_character, traits_named
from simulators.electrical import RateUnit
from simulators.station_file import AC_MAX_W

DEFAULT_OCPP_URL = "ws://127.0.0.1:9000"
DEFAULT_REST_URL = "http://127.0.0.1:3000"
DEFAULT_CAR = "hyundai ioniq 5"
_MAX_NUMBER = 1_000_000

CHARGER_EXAMPLES = """\
commands on standard input (type `help` for all):
  plug 1                    plug the default car into connector 1
  plug 1 polestar 2 5       another car, which leaves when it has got 5 kWh
  swipe 04A1B2C3            present a tag: starts a transaction, or stops its own
  drop 30                   the network fails for 30 s; the charger goes on charging
  status                    what the connectors do
  quit                      unplug everything and end

examples:
  python -m simulators charger --url ws://127.0.0.1:9000 --id CP001
  python -m simulators charger --id WALLBOX --connectors 1 --max-kw 22 --phases 3 --unit A
  python -m simulators charger --id WALLBOX --max-kw 22 --character refuses_zero --character no_zone
  printf 'plug 1\\nswipe TAG1\\nwait 60\\nquit\\n' | python -m simulators charger --id CP001
"""

STATION_EXAMPLES = """\
Each charger is a process of its own; with --only this process is that charger. Real time, nothing is accelerated.
The same --seed brings the same cars with the same needs.

examples:
  python -m simulators station --config examples/station_config.json
  python -m simulators station --config examples/station_config.json --only CP001 --report json
  python -m simulators station --config examples/station_config.json --minutes 5 --min-kwh 1 --max-kwh 6 --seed 7
  python -m simulators station --config examples/station_config.json --character CP002=ignores_profiles

A charger of the file may have "character": a name, or a list of names. The central system does not know that field;
--character says the same and leaves the file as both can read it.
"""

CHARACTERS_EXAMPLES = """\
Each character is one way in which real chargers were seen to differ. Its source names the row of the list of field
quirks (C13), "D" for what independent charge point programs did, and the project and issue where it was reported.

examples:
  python -m simulators characters
  python -m simulators characters --family limits
  python -m simulators characters --json
  python -m simulators charger --id CP001 --character ignores_profiles
"""

SCENARIO_EXAMPLES = """\
Scenario 1: one 200 kW charger, two cars of 150 kW: 150, then 50, then 100 and 100.
Scenario 2: a grid of 400 kW, two 300 kW chargers, cars of 150 kW: 150/150; a third starts with 100, then 133 each; a
fourth starts with 1, then 100 each; the first leaves, then 133 each.

The central system's configuration is replaced while the scenario runs and put back at its end, also after a failure or
Ctrl-C. Use a central system on which nobody is charging. Exit status: 0 every figure is right, 1 one is not, 2 the
scenario could not be run.

examples:
  python -m simulators scenarios --scenario 1
  python -m simulators scenarios --scenario 2 --over-ocpp ws://127.0.0.1:9000
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators",
        description="Simulated OCPP 1.6-J chargers with cars that follow real charging curves.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, summary: str, epilog: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    _add_charger(command("charger", "one charger, driven from the terminal", CHARGER_EXAMPLES))
    _add_station(command("station", "all chargers of a station, with cars that come and go", STATION_EXAMPLES))
    _add_characters(command("characters", "list the ways in which chargers can differ", CHARACTERS_EXAMPLES))
    _add_scenarios(command("scenarios", "check the documented figures against a running system", SCENARIO_EXAMPLES))
    return parser


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed command line; end the process with status 2 and a message when it is wrong."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.command == "station" and args.max_wh < args.min_wh:
        parser.error("argument --max-kwh: less than --min-kwh")
    if args.command == "charger" and args.phases is None:
        args.phases = 3 if args.max_w <= AC_MAX_W else 0
    if args.command == "charger" and args.cert_key is not None and args.cert is None:
        parser.error("argument --cert-key: needs --cert")
    if args.command == "charger":
        traits = traits_named(args.character)
        if isinstance(traits, Unusable):
            parser.error(f"argument --character: {traits.reason}")
    return args


def _add_charger(parser: argparse.ArgumentParser) -> None:
    _add_connection(parser)
    parser.add_argument("--key", type=_key, metavar="HEX", help="its AuthorizationKey, 16 to 20 bytes as hex digits")
    parser.add_argument("--cert", type=Path, metavar="FILE", help="its own certificate, for mutual TLS (PEM)")
    parser.add_argument(
        "--cert-key", type=Path, metavar="FILE", help="the key of its certificate (in the file of the certificate)"
    )
    parser.add_argument("--id", required=True, type=_identity, help="the charger's OCPP identity")
    parser.add_argument("--connectors", type=_count, default=2, metavar="N", help="how many (2)")
    parser.add_argument(
        "--max-kw", dest="max_w", type=_watts, default=200_000, metavar="KW", help="of the charger (200)"
    )
    parser.add_argument(
        "--phases", type=int, choices=(0, 1, 3), help="0 is DC; without it up to 44 kW means 3, above means 0"
    )
    parser.add_argument(
        "--car", type=_car, default=DEFAULT_CAR, metavar="NAME", help=f"plugged in when none is named ({DEFAULT_CAR})"
    )
    parser.add_argument(
        "--character",
        action="append",
        default=[],
        type=_character,
        metavar="NAME",
        help="a way in which it differs (repeatable; `python -m simulators characters` lists them)",
    )
    _add_behaviour(parser, meter_interval_s=10)


def _add_station(parser: argparse.ArgumentParser) -> None:
    _add_connection(parser)
    parser.add_argument("--config", required=True, type=Path, metavar="FILE", help="a station configuration")
    parser.add_argument(
        "--only", action="append", default=[], metavar="ID", help="be this charger in this process (repeatable)"
    )
    parser.add_argument("--minutes", type=_positive, metavar="N", help="end after so long (until Ctrl-C)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which cars come when (1)")
    parser.add_argument(
        "--min-kwh", dest="min_wh", type=_watts, default=1_000, metavar="KWH", help="least a car comes for (1)"
    )
    parser.add_argument(
        "--max-kwh", dest="max_wh", type=_watts, default=6_000, metavar="KWH", help="most a car comes for (6)"
    )
    parser.add_argument(
        "--arrival-seconds", type=_positive, default=20.0, metavar="S", help="mean gap between two cars (20)"
    )
    parser.add_argument(
        "--character",
        action="append",
        default=[],
        type=_assigned,
        metavar="ID=NAME",
        help="a way in which a charger differs (repeatable; `python -m simulators characters` lists them)",
    )
    _add_behaviour(parser, meter_interval_s=5)


def _add_connection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url",
        type=_websocket_url,
        default=DEFAULT_OCPP_URL,
        help=f"of the central system, without the charger's id ({DEFAULT_OCPP_URL})",
    )
    parser.add_argument(
        "--ca", type=Path, metavar="FILE", help="authorities that it trusts over wss:// (PEM; those of this machine)"
    )


def _add_behaviour(parser: argparse.ArgumentParser, meter_interval_s: int) -> None:
    parser.add_argument(
        "--unit",
        type=_unit,
        default=frozenset(RateUnit),
        metavar="W|A",
        help="the only unit of limits that is accepted (both are)",
    )
    parser.add_argument(
        "--meter-interval",
        type=_seconds,
        default=meter_interval_s,
        metavar="S",
        help=f"between MeterValues ({meter_interval_s}); 0 for none",
    )
    parser.add_argument(
        "--report",
        choices=("text", "json"),
        default="text",
        help="json: one line a second with every connector's power, and messages on standard error",
    )
    parser.add_argument("--frames", action="store_true", help="show every OCPP frame on standard error")


def _add_characters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--family", choices=[family.value for family in Family], help="only those of this family")
    parser.add_argument("--json", action="store_true", help="as one JSON array")


def _add_scenarios(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default=DEFAULT_REST_URL, type=_http_url, help=f"of the REST API ({DEFAULT_REST_URL})")
    parser.add_argument("--scenario", type=int, choices=(1, 2, 3), required=True, help="which")
    parser.add_argument(
        "--over-ocpp",
        type=_websocket_url,
        metavar="URL",
        help="simulated chargers connect here and the end figures are reached over OCPP",
    )


# --- kinds of values ------------------------------------------------------------------------------------------------


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return number


def _watts(text: str) -> int:
    """Read kW (or kWh) as W (or Wh)."""
    number = _decimal(text)
    if not Decimal("0.001") <= number <= _MAX_NUMBER:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0.001 and {_MAX_NUMBER}")
    return int(number * 1000)


def _positive(text: str) -> float:
    number = _decimal(text)
    if not 0 < number <= _MAX_NUMBER:
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0 and at most {_MAX_NUMBER}")
    return float(number)


def _whole(text: str, lowest: int, highest: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and lowest <= int(text) <= highest):  # noqa: PLR2004 - digits of an int32
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {lowest} to {highest}")
    return int(text)


def _count(text: str) -> int:
    return _whole(text, 1, 1000)


def _seconds(text: str) -> int:
    return _whole(text, 0, 86_400)


def _key(text: str) -> str:
    if re.fullmatch("(?:[0-9A-Fa-f]{2}){16,20}", text) is None:
        raise argparse.ArgumentTypeError("a key is 32 to 40 hex digits, two for each byte")
    return text


def _identity(text: str) -> str:
    if not text or not text.isprintable():
        raise argparse.ArgumentTypeError("an identity is a printable text")
    return text


def _assigned(text: str) -> tuple[str, str]:
    charger_id, equals, name = text.partition("=")
    if not charger_id or not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not ID=NAME")
    return charger_id, _character(name)


def _character(text: str) -> str:
    found = find_character(text)
    if isinstance(found, Unusable):
        raise argparse.ArgumentTypeError(found.reason)
    return found.name


def _unit(text: str) -> frozenset[RateUnit]:
    if text.upper() not in set(RateUnit):
        raise argparse.ArgumentTypeError(f"{text!r} is neither W nor A")
    return frozenset({RateUnit(text.upper())})


def _car(text: str) -> CarModel:
    car = find_car(text)
    if isinstance(car, NoSuchCar):
        raise argparse.ArgumentTypeError(car.reason)
    return car


def _websocket_url(text: str) -> str:
    if not text.startswith(("ws://", "wss://")):
        raise argparse.ArgumentTypeError(f"{text!r} does not begin with ws:// or wss://")
    return text


def _http_url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} does not begin with http:// or https://")
    return text.rstrip("/")
