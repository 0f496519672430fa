"""The `csms` command: what a person types.

Each command's work is in a module of its own, imported when it runs, so that `csms --help` answers at once. Options
are taken as text and validated in one place (`csms.settings`), which also reads the `CSMS_…` environment variables: a
bad value is refused with the same words wherever it came from. Exit status: 0 done, 1 the answer is "no" (a faulty
file, a broken promise) or something outside is in the way (a taken port), 2 it was asked wrongly, 3 the server stopped
itself (`csms.main`).
"""

from typing import Annotated

import typer

from csms.cli.grouping import Grouped

app = typer.Typer(
    name="csms",
    cls=Grouped,
    help="OCPP 1.6-J central system that manages the energy of the charging station behind the chargers.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="Look at station configurations.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(config_app, name="config")

makes_app = typer.Typer(
    help="Save and teach what chargers of a vendor, model and firmware have shown.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(makes_app, name="makes")

chargers_app = typer.Typer(help="See, add, mark and remove chargers.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(chargers_app, name="chargers")

campaigns_app = typer.Typer(
    help="Update the firmware of many chargers, a few at a time.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(campaigns_app, name="campaigns")

keys_app = typer.Typer(
    help="Make, list and revoke keys of the REST API, in the database; the server may run.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(keys_app, name="keys")

Text = str | None
Server = Annotated[str, typer.Option("--url", metavar="URL", help="REST address of the running central system.")]
Database = Annotated[
    Text, typer.Option(metavar="URL", help="sqlite:///PATH or postgresql://… [default: as for csms serve]")
]
REST_URL = "http://127.0.0.1:3000"
COMMAND_EXAMPLES = """\b
Examples:
  csms command CP001                                      what there is to ask for
  csms command CP001 Reset --fields                       what that takes
  csms command CP001 Reset type=Soft
  csms command CP001 GetConfiguration                     all keys, as a table
  csms command CP001 GetConfiguration key=HeartbeatInterval key=LocalPreAuthorize
  csms command CP001 ChangeConfiguration key=HeartbeatInterval value=300
  csms command CP001 RemoteStartTransaction idTag=04112233 connectorId=1
  csms command CP001 GetLog logType=SecurityLog requestId=1 log.remoteLocation=ftps://files.example/
  csms command CP001 CertificateSigned certificateChain="$(cat CP001.pem)"
  csms command CP001 SendLocalList --body list.json
  csms command CP001 ClearCache --queue-until 2026-11-27T16:00:00Z
"""
"""The first character keeps the lines as they are."""
Follow = Annotated[
    bool, typer.Option("--follow", help="Print what changes until it has ended, or is halted; Ctrl-C ends that alone.")
]
CampaignArgument = Annotated[str, typer.Argument(metavar="ID", help="The campaign's id.")]


@app.callback()
def main(
    key_file: Annotated[
        Text,
        typer.Option(
            "--key-file",
            metavar="FILE",
            help="Holds the key that is shown to a server which asks for one. [default: the key in CSMS_API_KEY]",
        ),
    ] = None,
) -> None:
    """OCPP 1.6-J central system that manages the energy of the charging station behind the chargers."""
    if key_file is not None:
        from csms.cli.key import use_file  # noqa: PLC0415  # only where it is asked for

        use_file(key_file)


@app.command()
def serve(
    *,
    config: Annotated[
        Text, typer.Option(metavar="FILE", help="Station configuration that seeds an empty store.")
    ] = None,
    host: Annotated[Text, typer.Option(metavar="ADDRESS", help="REST listens here. [default: 127.0.0.1]")] = None,
    port: Annotated[Text, typer.Option(metavar="PORT", help="REST port; 0: any free one. [default: 3000]")] = None,
    rest_access: Annotated[
        Text,
        typer.Option(
            metavar="auto|keys|open",
            help="Whether REST asks for a key: beyond this machine, always, or never. [default: auto]",
        ),
    ] = None,
    rest_hosts: Annotated[
        Text, typer.Option(metavar="NAME,…", help="Names under which REST may be asked, besides its address.")
    ] = None,
    rest_rate_per_s: Annotated[
        Text, typer.Option(metavar="N", help="REST requests a second of one address; 0: any number. [default: 200]")
    ] = None,
    ocpp_host: Annotated[
        Text,
        typer.Option(metavar="ADDRESS", help="Chargers connect here. [default: 127.0.0.1]"),
    ] = None,
    ocpp_port: Annotated[
        Text,
        typer.Option(metavar="PORT", help="Port for chargers; 0: any free one. [default: 9000]"),
    ] = None,
    ocpp_rate_per_s: Annotated[
        Text,
        typer.Option(
            metavar="N", help="Messages a second read of one charger in any case; 0: any number. [default: 10]"
        ),
    ] = None,
    unknown_chargers: Annotated[
        Text,
        typer.Option(
            metavar="refuse|pending|reject", help="What becomes of chargers that are not configured. [default: refuse]"
        ),
    ] = None,
    ocpp_tls_cert: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Certificate for chargers over TLS (PEM); once each for ECDSA and RSA."),
    ] = None,
    ocpp_tls_key: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Key of each --ocpp-tls-cert, in the same order.")
    ] = None,
    ocpp_tls_port: Annotated[
        Text, typer.Option(metavar="PORT", help="Port for chargers over TLS; 0: any free one. [default: 9443]")
    ] = None,
    ocpp_client_ca: Annotated[
        Text, typer.Option(metavar="FILE", help="Authorities of chargers' own certificates (PEM).")
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="A reverse proxy that ends TLS and is believed; once for each."),
    ] = None,
    database: Annotated[
        Text,
        typer.Option(metavar="URL", help="sqlite:///PATH or postgresql://… [default: sqlite:///csms.sqlite3]"),
    ] = None,
    id_tags: Annotated[
        Text,
        typer.Option(
            metavar="auto|open|listed|FILE",
            help="Which id tags may charge that are not listed: all, none, or those in a file. "
            "[default: auto: open on this machine, listed beyond]",
        ),
    ] = None,
    replace_config: Annotated[
        bool | None,
        typer.Option("--replace-config", help="Put --config in place of the stored configuration."),
    ] = None,
    virtual_id_tag: Annotated[
        Text,
        typer.Option(metavar="TAG", help="Id tag of remote starts that name none. [default: 5E450001]"),
    ] = None,
    heartbeat_interval_s: Annotated[
        Text,
        typer.Option(metavar="SECONDS", help="Heartbeat interval told to chargers. [default: 60]"),
    ] = None,
    request_wait_s: Annotated[
        Text,
        typer.Option(metavar="SECONDS", help="How long REST waits for a charger. [default: 30]"),
    ] = None,
    stall_report_s: Annotated[
        Text,
        typer.Option(metavar="SECONDS", help="A stall is told with all stacks after so long; 0: never. [default: 10]"),
    ] = None,
    stall_exit_s: Annotated[
        Text,
        typer.Option(metavar="SECONDS", help="A stall ends the process (status 4); 0: never. [default: 60]"),
    ] = None,
    keep_samples_days: Annotated[
        Text,
        typer.Option(metavar="DAYS", help="Meter values are kept so long; 0: for ever. [default: 730]"),
    ] = None,
    keep_log_days: Annotated[
        Text,
        typer.Option(metavar="DAYS", help="The event log is kept so long; 0: for ever. [default: 90]"),
    ] = None,
    keep_log_rows: Annotated[
        Text,
        typer.Option(metavar="N", help="Lines of the event log that are kept; 0: all. [default: 1000000]"),
    ] = None,
    log_level: Annotated[
        Text,
        typer.Option(metavar="LEVEL", help="debug, info, warning or error. [default: info]"),
    ] = None,
    log_format: Annotated[
        Text,
        typer.Option(metavar="FORMAT", help="auto, console or json. [default: auto]"),
    ] = None,
) -> None:
    """Run the central system until Ctrl-C or SIGTERM.

    Every option can also be set as an environment variable: --ocpp-port as CSMS_OCPP_PORT, and so on.
    """
    from csms.cli.serving import run  # noqa: PLC0415  # heavy: only for this command

    given = {
        "config": config,
        "host": host,
        "port": port,
        "rest_access": rest_access,
        "rest_hosts": rest_hosts,
        "rest_rate_per_s": rest_rate_per_s,
        "ocpp_host": ocpp_host,
        "ocpp_port": ocpp_port,
        "ocpp_rate_per_s": ocpp_rate_per_s,
        "unknown_chargers": unknown_chargers,
        "ocpp_tls_cert": ocpp_tls_cert or None,
        "ocpp_tls_key": ocpp_tls_key or None,
        "ocpp_tls_port": ocpp_tls_port,
        "ocpp_client_ca": ocpp_client_ca,
        "trusted_proxy": trusted_proxy or None,
        "database": database,
        "id_tags": id_tags,
        "replace_config": replace_config,
        "virtual_id_tag": virtual_id_tag,
        "heartbeat_interval_s": heartbeat_interval_s,
        "request_wait_s": request_wait_s,
        "stall_report_s": stall_report_s,
        "stall_exit_s": stall_exit_s,
        "keep_samples_days": keep_samples_days,
        "keep_log_days": keep_log_days,
        "keep_log_rows": keep_log_rows,
        "log_level": log_level,
        "log_format": log_format,
    }
    raise typer.Exit(run({name: value for name, value in given.items() if value is not None}))


@app.command()
def init(
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="Written.")] = "station.json",
    *,
    station_id: Annotated[Text, typer.Option(metavar="NAME", help="The station's name. [default: STATION]")] = None,
    grid: Annotated[
        Text, typer.Option(metavar="63A|400kW", help="Grid connection: A per phase, or kW. Needed.")
    ] = None,
    voltage: Annotated[
        Text, typer.Option(metavar="V", help="Volts between a phase and neutral. [default: 230]")
    ] = None,
    phases: Annotated[Text, typer.Option(metavar="1|3", help="Phases of the grid connection. [default: 3]")] = None,
    charger: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID,power=…",
            help="A charger, once for each: CP001,power=22kW or power=32A (all connectors together), and where they "
            "differ from these: connectors=1, phases=3 (1, or 0: DC), circuit=NAME. At least one.",
        ),
    ] = None,
    circuit: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=63A", help="A fuse that chargers hang on: A on each of three phases, or kW."),
    ] = None,
    fail_safe: Annotated[
        Text,
        typer.Option(
            metavar="closed|reserve|expire",
            help="What a car gets that is plugged in while the server is away: nothing; a little, which is set aside "
            "always; or a little, and cars that charge fall to it too. [default: closed]",
        ),
    ] = None,
    time_zone: Annotated[
        Text, typer.Option(metavar="ZONE", help="IANA name of the site's zone. [default: this machine's]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
) -> None:
    """Write the first station file: asks on a terminal for what no flag says.

    The file is checked as `csms config check` does and appears only when it is valid. Printed: what the fail-safe mode
    costs and what a driver experiences, the URL to type into a charger, and the next command.
    """
    from csms.cli.beginning import Given, run  # noqa: PLC0415  # heavy: only for this command

    given = Given(station_id, grid, voltage, phases, tuple(charger or ()), tuple(circuit or ()), fail_safe, time_zone)
    raise typer.Exit(run(file, given, replace=force))


@config_app.command("check")
def config_check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Station configuration; - reads standard input.")],
) -> None:
    """Say everything that is wrong with a station configuration.

    Each fault is named by its JSON path, and the exit status is 1; a valid file's notices are printed.
    """
    from csms.cli.checking import run  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(run(file))


@chargers_app.command("list")
def chargers_list(url: Server = REST_URL) -> None:
    """Show the chargers of a running central system as they are now."""
    from csms.cli.fleet import list_  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(list_(url))


@chargers_app.command("add")
def chargers_add(
    charger: Annotated[
        str,
        typer.Argument(
            metavar="ID,power=…",
            help="CP001,power=22kW or power=32A (all connectors together), and where they differ from these: "
            "connectors=1, phases=3 (1, or 0: DC), circuit=NAME. With the id alone, a terminal is asked.",
        ),
    ],
    *,
    voltage: Annotated[int, typer.Option(metavar="V", min=100, max=1000, help="Of a phase, to neutral.")] = 230,
    url: Server = REST_URL,
) -> None:
    """Add a charger to a running central system; it may connect at once."""
    from csms.cli.fleet import add  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(add(url, charger, voltage))


@chargers_app.command("remove")
def chargers_remove(
    charger_id: Annotated[str, typer.Argument(metavar="ID", help="The charger's id.")], url: Server = REST_URL
) -> None:
    """Remove a charger from a running central system.

    Its connection is closed and later ones are refused; while cars charge there it stays booked until they have
    stopped. What it was set to is not put back: `csms release` does that before.
    """
    from csms.cli.fleet import remove  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(remove(url, charger_id))


@chargers_app.command("maintenance")
def chargers_maintenance(
    charger_id: Annotated[str, typer.Argument(metavar="ID", help="The charger's id.")],
    *,
    connector: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="One connector alone. [default: the whole charger]")
    ] = None,
    reason: Annotated[Text, typer.Option(metavar="TEXT", help="Why; told to whoever is refused a session.")] = None,
    until: Annotated[
        Text, typer.Option(metavar="TIME", help="It ends by itself then, such as 2026-11-27T16:00:00Z.")
    ] = None,
    inoperative: Annotated[
        bool, typer.Option("--inoperative", help="Tell the charger so: it then refuses cards itself.")
    ] = False,
    end: Annotated[bool, typer.Option("--end", help="It is over.")] = False,
    url: Server = REST_URL,
) -> None:
    """Mark a charger as under maintenance, or end that.

    No session is begun there over REST, campaigns leave it alone, and its silence is no alarm. What runs goes on, and
    nothing that is booked for it is freed.
    """
    from csms.cli.maintenance import run  # noqa: PLC0415  # heavy: only for this command

    said = {"reason": reason, "until": until, "inoperative": inoperative or None}
    body = {name: value for name, value in said.items() if value is not None}
    raise typer.Exit(run(url, charger_id, connector, body, end=end))


@app.command(epilog=COMMAND_EXAMPLES)
def command(
    charger_id: Annotated[str, typer.Argument(metavar="ID", help="The charger's id.")],
    action: Annotated[
        Text,
        typer.Argument(metavar="ACTION", help="As OCPP 1.6 names it. [default: all are listed, and nothing is sent]"),
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FIELD=VALUE",
            help="The payload, spelt as OCPP spells it: FIELD.FIELD=VALUE inside an object, a list's field once for "
            "each item. What OCPP wants as text stays text, digits too; objects and lists can be JSON.",
        ),
    ] = None,
    *,
    body: Annotated[
        Text, typer.Option(metavar="FILE", help="The whole payload, a JSON document; - reads standard input.")
    ] = None,
    explain: Annotated[bool, typer.Option("--fields", help="Say what ACTION takes; nothing is sent.")] = False,
    wait: Annotated[
        int, typer.Option(metavar="SECONDS", min=0, max=86_400, help="So long it waits for what comes of it.")
    ] = 60,
    queue_until: Annotated[
        Text,
        typer.Option(
            metavar="TIME",
            help="It may wait so long for its charger, and for headroom, such as until 2026-11-27T16:00:00Z. "
            "[default: the charger must be there]",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also without headroom, or while a car charges; others are then cut.")
    ] = False,
    url: Server = REST_URL,
) -> None:
    """Ask a charger for something, and follow it to what really came of it.

    Each state is printed as it comes, then the answer, and what to do next where it went wrong. The command is durable
    on the server before it leaves: when the wait is over it goes on, and `csms commands` shows it.

    Exit status 0 when it came to what was asked for: accepted and, where that only means "will try", seen to happen. 1
    when it was refused, rejected, not supported, without an answer or an outcome so far, or nobody knows; 2 when it was
    asked wrongly.
    """
    from csms.cli import commanding  # noqa: PLC0415  # heavy: only for this command

    if action is None:
        raise typer.Exit(commanding.actions())
    if explain:
        raise typer.Exit(commanding.explain(action))
    asked = commanding.Asked(tuple(fields or ()), body, queue_until, force)
    raise typer.Exit(commanding.run(url, charger_id, action, asked, wait))


@app.command()
def commands(
    command_id: Annotated[Text, typer.Argument(metavar="ID", help="One command in full, by its id.")] = None,
    *,
    charger: Annotated[Text, typer.Option(metavar="ID", help="Only those of this charger.")] = None,
    state: Annotated[
        Text,
        typer.Option(
            metavar="STATE",
            help="Only those that are queued, sent, accepted, rejected, not_supported, failed, timed_out, unknown or "
            "expired.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=500, help="How many.")] = 20,
    url: Server = REST_URL,
) -> None:
    """Show the newest commands to chargers and what came of them, or one in full."""
    from csms.cli.commanded import run  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(run(url, command_id, charger, state, limit))


@campaigns_app.command("list")
def campaigns_list(
    *,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="How many.")] = 20,
    url: Server = REST_URL,
) -> None:
    """Show the newest firmware campaigns."""
    from csms.cli.campaigns import list_  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(list_(url, limit))


@campaigns_app.command("show")
def campaigns_show(campaign_id: CampaignArgument, *, follow: Follow = False, url: Server = REST_URL) -> None:
    """Show a campaign charger by charger.

    With --follow exit status 0 when every charger has installed.
    """
    from csms.cli.campaigns import show  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(show(url, campaign_id, follow=follow))


@campaigns_app.command("start")
def campaigns_start(
    charger_ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="The chargers' ids, in the order of their turns.")
    ] = None,
    *,
    location: Annotated[
        str, typer.Option(metavar="URL", help="Where chargers fetch the firmware from; they must know its scheme.")
    ],
    at_a_time: Annotated[int, typer.Option(metavar="N", min=1, help="So many chargers are under way at most.")] = 1,
    vendor: Annotated[
        Text, typer.Option(metavar="TEXT", help="Instead of ids: the chargers that told this at their last boot.")
    ] = None,
    model: Annotated[Text, typer.Option(metavar="TEXT", help="Likewise.")] = None,
    firmware_version: Annotated[Text, typer.Option(metavar="TEXT", help="Likewise: what they have now.")] = None,
    retrieve_date: Annotated[
        Text, typer.Option(metavar="TIME", help="No charger is asked before, such as 2026-11-27T01:00:00Z.")
    ] = None,
    retries: Annotated[int | None, typer.Option(metavar="N", min=0, help="How often a charger tries again.")] = None,
    retry_interval: Annotated[int | None, typer.Option(metavar="SECONDS", min=0, help="Between two tries.")] = None,
    name: Annotated[Text, typer.Option(metavar="TEXT", help="For people.")] = None,
    follow: Follow = False,
    url: Server = REST_URL,
) -> None:
    """Update the firmware of chargers: each when no car charges there, until the first failure.

    The campaign is the server's and goes on by itself. With --follow exit status 0 when every charger has installed.
    """
    from csms.cli.campaigns import start  # noqa: PLC0415  # heavy: only for this command

    make = {"vendor": vendor, "model": model, "firmwareVersion": firmware_version}
    given = {
        "location": location,
        "atATime": at_a_time,
        "chargers": charger_ids or None,
        "make": {word: told for word, told in make.items() if told is not None} or None,
        "retrieveDate": retrieve_date,
        "retries": retries,
        "retryInterval": retry_interval,
        "name": name,
    }
    raise typer.Exit(start(url, {word: told for word, told in given.items() if told is not None}, follow=follow))


@campaigns_app.command("resume")
def campaigns_resume(campaign_id: CampaignArgument, *, follow: Follow = False, url: Server = REST_URL) -> None:
    """Let a halted campaign go on with the chargers that were not begun; those that failed are not asked again."""
    from csms.cli.campaigns import resume  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(resume(url, campaign_id, follow=follow))


@campaigns_app.command("stop")
def campaigns_stop(campaign_id: CampaignArgument, url: Server = REST_URL) -> None:
    """Begin with no other charger of a campaign, for good; those under way go on."""
    from csms.cli.campaigns import stop  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(stop(url, campaign_id))


@chargers_app.command("key")
def chargers_key(
    charger_id: Annotated[str, typer.Argument(metavar="ID", help="The charger's id.")],
    *,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Also where it has one, which is good until the new one is first used.")
    ] = False,
    send: Annotated[bool, typer.Option("--send", help="Tell the charger, which must be connected.")] = False,
    give_up: Annotated[
        bool,
        typer.Option(
            "--give-up",
            help="With --rotate: in place of a key not used yet, too; a charger that holds it is locked out.",
        ),
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Say when its key was made and what it has proven.")] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Ask it for no key any more, and hold it to no security profile.")
    ] = False,
    reset_profile: Annotated[
        bool, typer.Option("--reset-profile", help="Let it come with a lower security profile than it has used.")
    ] = False,
    url: Server = REST_URL,
) -> None:
    """Make a charger's key, without which it does not come in any more; it is shown this once.

    With --send a connected charger is told by ChangeConfiguration, and its first key is asked for only once it was
    used. Over an address without TLS whoever reads along reads the key.
    """
    from csms.cli.charger_key import Wish, run  # noqa: PLC0415  # heavy: only for this command

    wish = Wish(rotate=rotate, send=send, give_up=give_up, show=show, remove=remove, reset_profile=reset_profile)
    raise typer.Exit(run(url, charger_id, wish))


@app.command()
def release(
    charger_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="The chargers' ids; or --all.")
    ] = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Every charger of the station.")] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Also while a car charges there, and without headroom; others are then cut."),
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take released chargers in again.")] = False,
    wait: Annotated[
        int, typer.Option(metavar="SECONDS", min=0, max=3600, help="So long it waits for what comes of it.")
    ] = 120,
    url: Server = REST_URL,
) -> None:
    """Take chargers out again without a trace: profiles and reservations are cleared, changed keys put back.

    Each is looked at again, and what could not be undone is told with its reason (exit status 1). From the beginning on
    nothing else is written to a released charger, and its maximum stays booked, until it is removed or taken in again.
    """
    from csms.cli.releasing import run  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(run(url, charger_ids or [], everything=all_, force=force, undo=undo, wait_s=wait))


@app.command()
def accept(
    charger_id: Annotated[str, typer.Argument(metavar="ID", help="The charger's id.")],
    *,
    connector: Annotated[int, typer.Option(metavar="N", min=1, help="The connector at which the car is.")] = 1,
    skip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STEP",
            help="Leave a step out, once for each: connection, identity, fail_safe, charging, clock, meter, staircase, "
            "pause, resume, form, network, restart, offline.",
        ),
    ] = None,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="Ask nobody: what a person would be asked to do is printed, and waited for."),
    ] = False,
    report: Annotated[
        Text, typer.Option(metavar="NAME", help="Written: NAME.json and NAME.html. [default: ID-N-acceptance]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the report if it exists.")] = False,
    url: Server = REST_URL,
) -> None:
    """Test a real charger on site with one car, and write a report: about a quarter of an hour.

    Asked for: a car that takes well above 6 A, somebody at the charger, and the server running. Seen: who it is, its
    clock, its meter's real period, whether the car keeps to limits down to 6 A, is paused and comes back and how soon,
    in which form limits work, and what outlasts a pulled network plug, a restarted server and a charge while offline.
    A step passes on evidence alone. Other cars may charge meanwhile: limits of the test are caps, and only lower.

    Exit status 0 when every step has passed; a step that was left out has not.
    """
    from csms.cli.accepting import run  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(run(url, charger_id, connector, tuple(skip or ()), report, asks_nobody=yes, replace=force))


@app.command()
def bundle(
    charger_id: Annotated[str, typer.Argument(metavar="ID", help="The charger's id.")],
    file: Annotated[Text, typer.Argument(metavar="[FILE]", help="Written. [default: ID.zip]")] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    url: Server = REST_URL,
) -> None:
    """Write what is known of one charger into one file, for somebody who helps: state, last messages, alarms, history.

    Id tags are shortened; keys, passwords and certificates are masked.
    """
    from csms.cli.bundling import run  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(run(url, charger_id, file, replace=force))


@app.command()
def explain(
    name: Annotated[
        str, typer.Argument(metavar="SESSION|CHARGER/CONNECTOR", help="A session's id, or where its car stands.")
    ],
    url: Server = REST_URL,
) -> None:
    """Say why a car has what it has: what limits it, who shares that, and whose cuts it waits for."""
    from csms.cli.explaining import run  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(run(url, name))


@app.command()
def knocking(url: Server = REST_URL) -> None:
    """Show who asked to connect as a charger and was not let in, and why, with the command that lets it in."""
    from csms.cli.fleet import knocking as run  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(run(url))


@keys_app.command("create")
def keys_create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is, or what for; the audit tells it.")],
    *,
    role: Annotated[
        str,
        typer.Option(
            metavar="viewer|operator|admin",
            help="viewer: look, without id tags; operator: also run the station; admin: also change what it is.",
        ),
    ],
    expires: Annotated[
        int | None, typer.Option(metavar="DAYS", min=1, max=3650, help="It ends by itself. [default: never]")
    ] = None,
    database: Database = None,
) -> None:
    """Make a key of the REST API and print it, this once; the database keeps a hash of it.

    A running server knows it at once.
    """
    from csms.cli.keys import create, log_to_standard_error  # noqa: PLC0415  # heavy: only for this command

    log_to_standard_error()
    raise typer.Exit(create(name, role, expires, database))


@keys_app.command("list")
def keys_list(database: Database = None) -> None:
    """Show every key with its role and whether it is in force; the keys themselves are kept nowhere."""
    from csms.cli.keys import list_  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(list_(database))


@keys_app.command("revoke")
def keys_revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The key's name.")], database: Database = None
) -> None:
    """Have a key let nobody in any more; a running server heeds it within a second."""
    from csms.cli.keys import revoke  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(revoke(name, database))


@makes_app.command("export")
def makes_export(
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="Written; - is standard output.")] = "-",
    url: Server = REST_URL,
) -> None:
    """Write what a running central system has learnt of chargers, as JSON.

    For each vendor, model and firmware: how limits are taken, and the habits that matter to the ledger.
    """
    from csms.cli.making import export  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(export(url, file))


@makes_app.command("import")
def makes_import(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Made by export; - reads standard input.")],
    url: Server = REST_URL,
) -> None:
    """Teach a running central system what chargers have shown elsewhere.

    What the file says of a make replaces what was known of it; other makes stay as they were.
    """
    from csms.cli.making import import_  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(import_(url, file))


@app.command()
def backup(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Written.")],
    *,
    database: Database = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
) -> None:
    """Write everything that the central system has stored into one file, and check it.

    The server may run. FILE is an SQLite file, also where the database is PostgreSQL. It holds id tags: keep it like
    the database itself.
    """
    from csms.cli.backing import backup as run  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(run(file, database, replace=force))


@app.command()
def restore(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Made by `csms backup`.")],
    database: Annotated[
        str, typer.Option(metavar="URL", help="To be made: a file that is not there, or an empty one.")
    ],
) -> None:
    """Make a database of a backup, in which nothing that may have happened since can do harm.

    No transaction id is issued twice, and every charger is booked at its maximum until it was provisioned again.
    Refused where a server runs or records are.
    """
    from csms.cli.backing import restore as run  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(run(file, database))


@app.command()
def doctor(
    *,
    config: Annotated[Text, typer.Option(metavar="FILE", help="As for csms serve; looked at where none runs.")] = None,
    host: Annotated[Text, typer.Option(metavar="ADDRESS", help="REST of the server. [default: 127.0.0.1]")] = None,
    port: Annotated[Text, typer.Option(metavar="PORT", help="REST port of the server. [default: 3000]")] = None,
    ocpp_host: Annotated[Text, typer.Option(metavar="ADDRESS", help="As for csms serve.")] = None,
    ocpp_port: Annotated[Text, typer.Option(metavar="PORT", help="As for csms serve.")] = None,
    ocpp_tls_cert: Annotated[list[str] | None, typer.Option(metavar="FILE", help="As for csms serve.")] = None,
    ocpp_tls_key: Annotated[list[str] | None, typer.Option(metavar="FILE", help="As for csms serve.")] = None,
    ocpp_tls_port: Annotated[Text, typer.Option(metavar="PORT", help="As for csms serve.")] = None,
    ocpp_client_ca: Annotated[Text, typer.Option(metavar="FILE", help="As for csms serve.")] = None,
    database: Database = None,
) -> None:
    """Look at settings, database, disk, clock, ports, configuration, chargers and alarms, and say what to do.

    The server may run, and should: then each charger is told of, too: whether a car can start there while the server is
    away, and why. Nothing is changed. Exit status 1 when something is at fault.
    """
    from csms.cli.doctoring import run  # noqa: PLC0415  # heavy: only for this command

    given = {
        "config": config,
        "host": host,
        "port": port,
        "ocpp_host": ocpp_host,
        "ocpp_port": ocpp_port,
        "ocpp_tls_cert": ocpp_tls_cert or None,
        "ocpp_tls_key": ocpp_tls_key or None,
        "ocpp_tls_port": ocpp_tls_port,
        "ocpp_client_ca": ocpp_client_ca,
        "database": database,
    }
    raise typer.Exit(run({name: value for name, value in given.items() if value is not None}))


@app.command()
def allocate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON document; - reads standard input.")],
) -> None:
    """Share power among sessions on a tree of limits, once.

    In: {"nodes": […], "sessions": […], "voltage"?: 230}; out: {"alloc_w": […], "admitted": […], "limited_by": […]} in
    the order of the sessions. Nodes may be limited in A per phase ("phase_a": [16, 16, 16]), sessions may use some of
    them ("phases": [1]). With "bess", "grid_cap_w" and "static_load_w" the answer also says what a battery gives.
    """
    from csms.cli.allocating import run  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(run(file))


@app.command()
def demo(
    minutes: Annotated[
        float | None,
        typer.Option(metavar="N", min=0.05, help="Stop after so many minutes. [default: until Ctrl-C]"),
    ] = None,
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="REST port; 0: any free one.")] = 3000,
    ocpp_port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="For chargers; 0: any free one.")
    ] = 9000,
    config: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Station configuration. [default: the example station]"),
    ] = None,
) -> None:
    """Show a station at work with simulated chargers.

    The central system and each charger are processes of their own; nothing is accelerated.

    Exit status 1 if the metered sum was ever above a capacity, if a process stopped by itself, or if no car got energy.
    """
    from csms.cli.demo import run  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(run(minutes=minutes, port=port, ocpp_port=ocpp_port, config=config))


@app.command("day")
def day_command(
    station: Annotated[str, typer.Argument(metavar="STATION", help="The station's configuration.")],
    day: Annotated[str, typer.Argument(metavar="DAY", help="The cars that come; - reads standard input.")],
    figures: Annotated[Text, typer.Option(metavar="FILE", help="Write the figures as JSON.")] = None,
) -> None:
    """Run a day of a station in seconds: which car gets how much, until when, and how full each fuse was.

    The real core, with chargers that do as they are told and the cars of a document; nothing fails. The same documents
    give the same figures, always. Exit status 1 for a faulty document, or when a capacity was exceeded.
    """
    from csms.cli.day import run  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(run(station, day, figures))


@app.command("simulate")
def simulate_command(
    seed: Annotated[int, typer.Option(metavar="N", help="Every die is thrown from it: one seed, one story.")],
    hours: Annotated[
        float | None,
        typer.Option(metavar="H", min=0.01, help="Virtual hours of faults, then a calm. [default: drawn, minutes]"),
    ] = None,
    chargers: Annotated[
        int | None, typer.Option(metavar="C", min=1, max=1000, help="How many chargers. [default: drawn, 1 to 6]")
    ] = None,
    faults: Annotated[
        str,
        typer.Option(
            metavar="PROFILE",
            help="drawn: the seed draws which faults happen and how often; storm: every kind, often; none: a quiet "
            "day; or the only kinds to inject, separated by commas, such as reset,server-crash, with what they need.",
        ),
    ] = "drawn",
    without: Annotated[
        str | None,
        typer.Option(metavar="KINDS", help="Kinds to leave out, separated by commas; the rest is as it was."),
    ] = None,
    story: Annotated[str | None, typer.Option(metavar="FILE", help="Write the whole trace, a line an event.")] = None,
    *,
    energy: Annotated[
        bool,
        typer.Option(
            "--energy", help="A site with a battery, a meter of the base load, or a capacity that comes and goes."
        ),
    ] = False,
    phases: Annotated[
        bool, typer.Option("--phases", help="Fuses are limited in amperes on each phase, and cars use one to three.")
    ] = False,
) -> None:
    """Run the real core in a simulated world, in virtual time.

    Random chargers, cars, REST clients, faults and crashes; oracles outside the core check the ledger after every step.
    Printed: every option drawn from the seed, the events, how often each kind of fault was injected, for how long each
    row was overbooked, and last the hash of the trace. The same options give the same hash, always. Exit status 1 when
    an invariant broke; the end of the trace is printed then.
    """
    from csms.cli.simulating import run  # noqa: PLC0415  # heavy: only for this command

    raise typer.Exit(run(seed, hours, chargers, faults, without, story, energy=energy, phases=phases))
