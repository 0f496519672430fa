"""Turn chargeprice's open-ev-data JSON into `charging_curves.csv`.

One row per point of a curve: the source gives a few (state of charge, power) points per car, to be joined by straight
lines. Only curves that were measured are taken; the source marks those it made up as `is_default_charging_curve`.
Powers and capacities are copied as decimal text, so that nothing is rounded here.
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

COLUMNS = ("car", "battery_kwh", "ac_max_kw", "ac_phases", "soc_percent", "power_kw")
CSV_NAME = "charging_curves.csv"


def car_name(entry: dict[str, Any]) -> str:
    """Return brand, model, variant and release year as one name, e.g. "Audi e-tron 55 (2019)"."""
    words = " ".join(str(entry.get(part) or "").strip() for part in ("brand", "model", "variant"))
    year = entry.get("release_year")
    return " ".join(words.split()) + (f" ({year})" if year else "")


def rows_of(document: dict[str, Any]) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield the rows of the CSV for every car of the source with a measured DC curve, sorted by name and charge."""
    for entry in sorted(document["data"], key=car_name):
        dc = entry.get("dc_charger")
        if entry.get("vehicle_type") != "car" or not dc or dc.get("is_default_charging_curve"):
            continue
        ac = entry["ac_charger"]
        for point in sorted(dc["charging_curve"], key=lambda p: Decimal(p["percentage"])):
            yield (
                car_name(entry),
                _plain(entry["usable_battery_size"]),
                _plain(ac["max_power"]),
                _plain(ac["usable_phases"]),
                _plain(point["percentage"]),
                _plain(point["power"]),
            )


def _plain(number: Decimal | int) -> str:
    """Write a number without exponent and without trailing zeros."""
    text = f"{Decimal(number):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def main(argv: Sequence[str] | None = None) -> int:
    """Convert SOURCE_JSON into OUT_DIR/charging_curves.csv; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m simulators.data.convert", description=__doc__)
    parser.add_argument("source_json", type=Path, help="data/ev-data.json of chargeprice/open-ev-data")
    parser.add_argument("out_dir", type=Path, help=f"folder that gets {CSV_NAME}")
    args = parser.parse_args(argv)
    try:
        document = json.loads(args.source_json.read_text(encoding="utf-8"), parse_float=Decimal)
        rows = list(rows_of(document))
        with (args.out_dir / CSV_NAME).open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(rows)
    except OSError as error:
        print(f"cannot convert: {error}", file=sys.stderr)
        return 1
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        print(f"{args.source_json} is not open-ev-data's JSON: {error!r}", file=sys.stderr)
        return 1
    print(f"{len({row[0] for row in rows})} cars, {len(rows)} points")
    return 0


if __name__ == "__main__":
    sys.exit(main())
