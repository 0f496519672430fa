"""What the image starts, as its files say it: the command, the settings of Dockerfile and compose.yaml, their checks.

No container engine is needed. The ports, and the paths that are mounted or made in the image, are others here; all
else is as it stands in the two files. The wheel and its lock are looked at in `tests/unit/test_container_files.py`.
"""

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml  # type: ignore[import-untyped]

from tests.e2e.programs import EXAMPLE_CONFIG, ROOT, Server

pytestmark = pytest.mark.e2e

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["csms"]


def final_stage() -> str:
    """Return what the image itself is told, a line for each instruction."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    return re.split(r"^FROM ", text.replace("\\\n", " "), flags=re.MULTILINE)[-1]


def instruction(name: str) -> str:
    """Return the one instruction of that name."""
    (found,) = re.findall(rf"^{name} (.+)$", final_stage(), re.MULTILINE)
    return str(found)


def settings() -> dict[str, str]:
    """Return the program's settings in a container that compose has made."""
    pairs = dict(word.split("=", 1) for word in instruction("ENV").split())
    given = {name: value for name, value in pairs.items() if name.startswith("CSMS_")}
    added: dict[str, str] = COMPOSE["environment"]
    return given | added


def test_the_files_speak_of_the_same_ports_and_paths() -> None:
    given = settings()
    published = {port.rpartition(":")[2]: port for port in COMPOSE["ports"]}
    assert set(published) == set(instruction("EXPOSE").split()) == {given["CSMS_PORT"], given["CSMS_OCPP_PORT"]}
    assert published[given["CSMS_PORT"]] == "127.0.0.1:3000:3000", "where curl localhost:3000/health asks"
    mounted = dict(reversed(volume.removesuffix(":ro").split(":")) for volume in COMPOSE["volumes"])
    assert (ROOT / mounted[given["CSMS_CONFIG"]]).samefile(EXAMPLE_CONFIG)
    assert f"COPY examples/station_config.json {given['CSMS_CONFIG']}" in final_stage()
    database = Path(given["CSMS_DATABASE"].removeprefix("sqlite:///"))
    assert str(database.parent) in mounted
    assert instruction("VOLUME") == instruction("WORKDIR") == str(database.parent)


async def test_what_the_image_starts_answers_health(tmp_path: Path) -> None:
    program, *arguments = json.loads(instruction("CMD"))
    assert program == "csms"
    given = settings() | {
        "CSMS_PORT": "0",
        "CSMS_OCPP_PORT": "0",
        "CSMS_CONFIG": str(EXAMPLE_CONFIG),
        "CSMS_DATABASE": f"sqlite:///{tmp_path / 'csms.sqlite3'}",
    }
    server = await Server.start(tmp_path, (program, *arguments), given)
    try:
        port = (await server.says(r"^REST +http://\S+:(\d+)"))[1]
        await server.says("^ready$")
        async with httpx2.AsyncClient(trust_env=False) as curl:
            answer = await curl.get(f"http://localhost:{port}/health")
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")
        (check,) = re.findall(r"HEALTHCHECK .+? CMD (\[.+\])", final_stage())
        for words, told in ((json.loads(check), port), (COMPOSE["healthcheck"]["test"][1:], "3000")):
            assert words[0] == "python"
            command = [sys.executable, *(word.replace(":3000/", f":{port}/") for word in words[1:])]
            checking = await asyncio.create_subprocess_exec(*command, env=os.environ | {"CSMS_PORT": told})
            assert await checking.wait() == 0, words
    finally:
        await server.end()
