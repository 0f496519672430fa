"""What the messages of a charger say of how an upload or an update has ended."""

import pytest

from csms.core.records import CommandOutcome
from csms.core.reports import Report, read_report

HAPPENED, FAILED = CommandOutcome.HAPPENED, CommandOutcome.FAILED
SIGNED, LOG = "SignedFirmwareStatusNotification", "LogStatusNotification"


@pytest.mark.parametrize(
    ("action", "payload", "report"),
    [
        (
            "FirmwareStatusNotification",
            '{"status":"Installed"}',
            Report("UpdateFirmware", HAPPENED, "Installed", None, False),
        ),
        (
            "FirmwareStatusNotification",
            '{"status":"DownloadFailed","requestId":4}',
            Report("UpdateFirmware", FAILED, "DownloadFailed", None, False),
        ),
        (
            SIGNED,
            '{"status":"Installed","requestId":4}',
            Report("SignedUpdateFirmware", HAPPENED, "Installed", 4, True),
        ),
        (SIGNED, '{"status":"Installed"}', Report("SignedUpdateFirmware", HAPPENED, "Installed", None, True)),
        (LOG, '{"status":"BadMessage","requestId":0}', Report("GetLog", FAILED, "BadMessage", 0, True)),
        (LOG, '{"status":"BadMessage","requestId":"0"}', Report("GetLog", FAILED, "BadMessage", None, True)),
        (LOG, '{"status":"Uploading","requestId":4}', None),
        (LOG, '{"status":"Installed","requestId":4}', None),
        (LOG, '{"status":"Idle","note":"Uploaded"}', None),
        (LOG, '{"status":["Uploaded"]}', None),
        (LOG, '{"note":"Uploaded"}', None),
        (LOG, '["Uploaded"]', None),
        (LOG, "Uploaded", None),
        (LOG, "[" * 100_000, None),
        ("DataTransfer", '{"status":"Uploaded"}', None),
    ],
)
def test_what_it_says(action: str, payload: str, report: Report | None) -> None:
    assert read_report(action, payload) == report
