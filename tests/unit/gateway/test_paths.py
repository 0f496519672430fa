import pytest

from csms.gateway.paths import charger_id_in


@pytest.mark.parametrize(
    ("path", "charger_id"),
    [
        ("/CP001", "CP001"),
        ("CP001", "CP001"),
        ("/ocpp/v16/CP001/", "CP001"),
        ("//CP001//", "CP001"),
        ("/CP001/CP001", "CP001"),
        ("/CP001?a=/b#c", "CP001"),
        ("/RDAM%20123", "RDAM 123"),
        ("/RDAM+123", "RDAM+123"),
        ("/a%2Fb", "a/b"),
        ("/%C3%A9", "é"),
        ("/é", "é"),
        ("/%2541", "%41"),
        ("/", ""),
        ("", ""),
        ("/?CP001", ""),
        ("/%", None),
        ("/a%2", None),
        ("/a%G0", None),
        ("/%FF", None),
        ("/%0A", None),
        ("/a\udcff", None),
    ],
)
def test_identity(path: str, charger_id: str | None) -> None:
    assert charger_id_in(path) == charger_id
