"""What the wheel is made of must reach the image's build: no test machine needs a container engine to notice."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def made_of() -> set[str]:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]
    project = pyproject["project"]
    return {
        "pyproject.toml",
        project["readme"],
        *project["license-files"],
        *wheel["packages"],
        *wheel["force-include"],
    }


def copied_by_the_build_stage() -> set[str]:
    build_stage = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)[1]
    copies = re.findall(r"^COPY (.+)$", build_stage, re.MULTILINE)
    return {source for copy in copies for source in copy.split()[:-1]}


def let_through_by_dockerignore() -> set[str]:
    return {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}


def test_the_build_stage_copies_all_that_the_wheel_is_made_of() -> None:
    assert made_of() - copied_by_the_build_stage() == set()


def test_dockerignore_lets_through_all_that_the_build_stage_copies() -> None:
    assert copied_by_the_build_stage() - let_through_by_dockerignore() == set()


def test_rest_is_open_only_where_it_is_published_on_this_machine_alone() -> None:
    compose = (ROOT / "compose.yaml").read_text("utf-8")
    assert re.findall(r"^ *CSMS_REST_ACCESS: *(\S+)$", compose, re.MULTILINE) == ["open"]
    published = re.findall(r'^ *- "(\S*:3000)"$', compose, re.MULTILINE)
    assert published == ["127.0.0.1:3000:3000"]


def test_the_image_itself_asks_for_a_key() -> None:
    """It listens on every address, and whoever runs it may publish it to all."""
    lines = [line for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert not [line for line in lines if "CSMS_REST_ACCESS" in line]
    assert [line for line in lines if "CSMS_HOST=0.0.0.0" in line]
