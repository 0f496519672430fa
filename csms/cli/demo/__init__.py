"""`csms demo`: a whole station on one machine, nothing accelerated, and an honest account at the end.

The central system is a child process like any other installation, with a temporary database of its own; so is each
charger (`python -m simulators station`), connected over a real socket. This process starts them, is the site's meter
(`csms.cli.demo.surroundings`), shows what the meters say, and judges: exit status 1 when a metered sum was ever above a
capacity, when a process stopped by itself, or when the time was up and no car had got any energy.
"""

import asyncio
import re
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.live import Live

import csms
from csms.cli.checking import read_station, summary
from csms.cli.demo import view
from csms.cli.demo.children import Child
from csms.cli.demo.reports import parse_report
from csms.cli.demo.surroundings import base_load_w, is_metered, shown_w
from csms.cli.demo.tally import Site, Tally
from csms.cli.demo.watching import Status, Watcher
from csms.cli.source import STANDARD_INPUT, read_source
from csms.cli.status import ExitStatus
from csms.core.station import Control, Station

START_TIMEOUT_S = 30
REFRESH_S = 1
PLAIN_LINES_EVERY_S = 5

_REST_URL = re.compile(r"http://[^\s/]+:\d+")
_OCPP_URL = re.compile(r"ws://[^\s/]+:\d+")


def run(*, minutes: float | None, port: int, ocpp_port: int, config: str | None) -> int:
    """Run the demo for so many minutes (None: until Ctrl-C or SIGTERM); return the exit status."""
    config = config or example()
    content = "standard input holds no demo" if config == STANDARD_INPUT else read_source(config)
    if isinstance(content, str):
        typer.echo(f"csms demo: {content}; name a station configuration with --config", err=True)
        return ExitStatus.USAGE
    station = read_station(content)
    if not isinstance(station, Station):
        typer.echo(f"csms demo: {config} is faulty; see: csms config check {config}", err=True)
        return ExitStatus.USAGE
    with tempfile.TemporaryDirectory(prefix="csms-demo-") as folder:
        demo = _Demo(station, Path(config).resolve(), Path(folder))
        return asyncio.run(demo.run(minutes, port, ocpp_port))


def example() -> str:
    """Return the path of the example station: it comes with the installed package, or stands in the repository."""
    packaged = Path(__file__).with_name("demo.json")
    return str(packaged if packaged.exists() else Path(csms.__file__).parents[1] / "examples" / "demo.json")


class _NotStartedError(Exception):
    """The central system did not come up; why is already noted."""


class _Demo:
    """One run: the processes, and what is known of them."""

    def __init__(self, station: Station, config: Path, folder: Path) -> None:
        self._station = station
        self._config = config
        self._folder = folder
        self._tally = Tally.of(station)
        self._children: list[Child] = []
        self._followers: list[asyncio.Task[None]] = []
        self._elapsed_s = 0
        self._is_over = False
        self._failure = ""
        self._playing: asyncio.Task[None] | None = None

    async def run(self, minutes: float | None, port: int, ocpp_port: int) -> int:
        """Start everything, watch it until the time is up or somebody stops it, stop everything and judge."""
        playing = self._playing = asyncio.create_task(self._play(minutes, port, ocpp_port))
        for signum in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signum, playing.cancel)
        try:
            await playing
            finished = True
        except (asyncio.CancelledError, _NotStartedError):
            finished = False
        finally:
            self._is_over = True
            await self._stop_children()
        return self._judge(finished=finished)

    async def _play(self, minutes: float | None, port: int, ocpp_port: int) -> None:
        typer.echo(summary(self._station))
        rest_url, ocpp_url = await self._start_server(port, ocpp_port)
        typer.echo(f"central system: {rest_url}  (try: curl {rest_url}/station/status)")
        for charger in self._station.chargers:
            if charger.control in {Control.AUTO, Control.OCPP}:
                typer.echo(f"charger {charger.charger_id}: {ocpp_url}/{charger.charger_id}")
                await self._start_charger(charger.charger_id, ocpp_url)
        watcher = Watcher(rest_url)
        try:
            await self._watch(watcher, None if minutes is None else round(minutes * 60))
        finally:
            await watcher.close()

    async def _start_server(self, port: int, ocpp_port: int) -> tuple[str, str]:
        """Start the central system and return the URLs that it prints: REST, and for chargers."""
        rest_url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        ocpp_url: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def on_line(line: str) -> None:
            for pattern, url in ((_REST_URL, rest_url), (_OCPP_URL, ocpp_url)):
                if (found := pattern.search(line)) and not url.done():
                    url.set_result(found[0])

        arguments = ["-m", "csms", "serve", "--config", str(self._config)]
        arguments += ["--database", f"sqlite:///{self._folder / 'demo.sqlite3'}"]
        arguments += ["--port", str(port), "--ocpp-port", str(ocpp_port), "--log-format", "json"]
        server = await self._start("the central system", arguments, on_line)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                urls = await rest_url, await ocpp_url
                watcher = Watcher(urls[0])
                await watcher.wait_until_healthy()
                await watcher.close()
                return urls
        except TimeoutError:
            self._fail(f"the central system did not answer within {START_TIMEOUT_S} s", server)
            raise _NotStartedError from None

    async def _start_charger(self, charger_id: str, ocpp_url: str) -> None:
        def on_line(line: str) -> None:
            report = parse_report(line)
            # Once they are being stopped, cars are unplugged unserved: that is not the demo any more.
            if report is not None and not self._is_over:
                self._tally.add(report)

        arguments = ["-m", "simulators", "station", "--url", ocpp_url, "--config", str(self._config)]
        arguments += ["--only", charger_id, "--report", "json"]
        await self._start(f"charger {charger_id}", arguments, on_line)

    async def _start(self, name: str, arguments: list[str], on_line: Callable[[str], None]) -> Child:
        child = await Child.start(name, arguments, self._folder / f"{len(self._children)}.log")
        self._children.append(child)
        self._followers.append(asyncio.create_task(self._follow(child, on_line)))
        return child

    async def _follow(self, child: Child, on_line: Callable[[str], None]) -> None:
        status = await child.follow(on_line)
        if not child.is_stopping:
            self._fail(f"{child.name} ended by itself with exit status {status}", child)
            assert self._playing is not None, "children are started by it"
            self._playing.cancel()

    async def _watch(self, watcher: Watcher, seconds: int | None) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        with _screen() as show:
            while seconds is None or self._elapsed_s < seconds:
                show(self._tally, await self._look(watcher), self._elapsed_s)
                self._elapsed_s += REFRESH_S
                await asyncio.sleep(start + self._elapsed_s - loop.time())

    async def _look(self, watcher: Watcher) -> Status:
        """Have the central system told what the site's meter shows; return what it shows itself."""
        tally, base_w = self._tally, base_load_w(self._station, self._elapsed_s)
        if is_metered(self._station):
            await watcher.tell_meter(shown_w(self._station, base_w, tally.drawn_w, tally.site.battery_w))
        status = await watcher.status()
        battery_w = 0 if status.battery is None else status.battery.power_w
        tally.surrounded(time.time_ns() // 1_000_000, Site(base_w, battery_w))
        return status

    async def _stop_children(self) -> None:
        """End the chargers first: they shall see a living server until their last message."""
        for child in self._children:
            child.is_stopping = True
        await asyncio.gather(*(child.stop() for child in self._children[1:]))
        for server in self._children[:1]:
            await server.stop()
        await asyncio.gather(*self._followers)

    def _fail(self, what: str, child: Child) -> None:
        self._failure = self._failure or f"{what}\n{child.last_words()}".rstrip()

    def _judge(self, *, finished: bool) -> int:
        self._tally.close()
        if self._tally.latest or not self._failure:
            typer.echo("\n".join(view.account(self._tally, self._elapsed_s)))
        if self._failure:
            typer.echo(f"csms demo: {self._failure}", err=True)
            return ExitStatus.NO
        if not all(row.is_kept for row in self._tally.rows):
            typer.echo("csms demo: a capacity was exceeded", err=True)
            return ExitStatus.NO
        if finished and self._tally.energy_wh == 0:
            typer.echo("csms demo: no car got any energy", err=True)
            return ExitStatus.NO
        return ExitStatus.DONE


@contextmanager
def _screen() -> Iterator[Callable[[Tally, Status, int], None]]:
    """Yield what shows the present state once a second: a live table, or plain lines where there is no terminal."""
    console = Console(markup=False, highlight=False)  # ids and names are shown as they are
    if not console.is_terminal:

        def show_lines(tally: Tally, status: Status, elapsed_s: int) -> None:
            if elapsed_s % PLAIN_LINES_EVERY_S == 0:
                typer.echo("\n".join(view.lines(tally, status, elapsed_s)))

        yield show_lines
        return
    with Live(console=console, auto_refresh=False) as live:

        def show_table(tally: Tally, status: Status, _elapsed_s: int) -> None:
            live.update(view.table(tally, status, console.width), refresh=True)

        yield show_table
