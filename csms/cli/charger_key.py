"""`csms chargers key`: make a charger's key, which is shown once, see what it has proven, or ask for none any more."""

from dataclasses import dataclass
from urllib.parse import quote

import typer

from csms.cli.asking import Json, ask, shown
from csms.cli.status import ExitStatus

_COMMAND = "csms chargers key"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done; nothing of it: a first key is made."""

    rotate: bool = False
    send: bool = False
    show: bool = False
    remove: bool = False
    reset_profile: bool = False
    give_up: bool = False

    @property
    def is_clear(self) -> bool:
        """Return whether it is one thing alone."""
        return sum((self.rotate or self.send or self.give_up, self.show, self.remove, self.reset_profile)) <= 1


def run(url: str, charger_id: str, wish: Wish) -> int:
    """Do what is wished, and say what came of it; return the exit status."""
    if not wish.is_clear:
        typer.echo(f"{_COMMAND}: --show, --remove and --reset-profile stand alone", err=True)
        return ExitStatus.USAGE
    at = f"/chargers/{quote(charger_id, safe='')}"
    if wish.remove:
        answer, done = ask(url, "DELETE", f"{at}/key"), "it is asked for no key any more"
    elif wish.reset_profile:
        answer, done = ask(url, "DELETE", f"{at}/security-profile"), "it may come with a lower profile until it rises"
    elif wish.show:
        answer, done = ask(url, "GET", f"{at}/key"), ""
    else:
        wished = (("rotate", wish.rotate), ("send", wish.send), ("giveUp", wish.give_up))
        flags = "&".join(f"{name}=true" for name, is_on in wished if is_on)
        answer, done = ask(url, "POST", f"{at}/key?{flags}" if flags else f"{at}/key"), ""
    if isinstance(answer, str):
        typer.echo(f"{_COMMAND}: {answer}", err=True)
        return ExitStatus.NO
    lines = [done] if done else _known(answer["key"]) if wish.show else _made(answer["key"])
    for line in lines:
        typer.echo(f"{shown(charger_id)}: {line}")
    return ExitStatus.DONE


def _known(key: Json) -> list[str]:
    made = f"key made {key['madeAt']}" if "madeAt" in key else "asked for no key"
    beside = f", another one made {key['nextMadeAt']} and not used yet" if "nextMadeAt" in key else ""
    address = f", last from {shown(key['lastAddress'])}" if "lastAddress" in key else ""
    return [f"{made}{beside}; security profile {key['securityProfile']}{address}"]


def _made(key: Json) -> list[str]:
    """Return what to do with a key that was made."""
    lines = [
        f"AuthorizationKey {key['authorizationKey']} (shown this once)",
        f"user name, where the charger asks for one: {shown(key['userName'])}",
        f"until it is first used: {key['before']}",
    ]
    return [*lines, f"the charger was told: {key['sent']}"] if "sent" in key else lines
