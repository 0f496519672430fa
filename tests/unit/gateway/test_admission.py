"""Who may come in: each line of the table is one knocker."""

from base64 import b64encode
from typing import Any

import pytest
from websockets.datastructures import Headers

from csms.core.charger_access import ChargerAccess, Grade, Profile, hashed
from csms.core.ids import ChargerId
from csms.gateway.admission import Admission, Admitted, Knocker, Refusal
from csms.gateway.origins import Origin, Reach

CP = ChargerId("CP001")
KEY, NEXT = bytes(range(20)), bytes(range(20, 40))
KEPT, KEPT_NEXT = hashed(KEY, bytes(16), 0), hashed(NEXT, bytes(16), 0)
HERE, NEAR, FAR = Reach.LOOPBACK, Reach.PRIVATE, Reach.PUBLIC
BARE, KEYED, FIRST = ChargerAccess(CP), ChargerAccess(CP, KEPT), ChargerAccess(CP, None, KEPT_NEXT)
RIGHT, WRONG, NEW = (f"Basic {b64encode(b'CP001:' + one).decode()}" for one in (KEY, bytes(20), NEXT))
NOW_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
MINE, OTHERS = ({"subject": ((("commonName", name),),)} for name in ("CP001", "CP002"))


def knocker(
    reach: Reach,
    password: str | None = None,
    certificate: dict[str, Any] | None = None,
    *,
    tls: bool = False,
    address: str = "A",
) -> Knocker:
    headers = Headers() if password is None else Headers(Authorization=password)
    return Knocker(Origin(address, reach, encrypted=tls), headers, certificate, NOW_MS)


@pytest.mark.parametrize(
    ("access", "who", "found"),
    [
        (BARE, knocker(HERE), 0),
        (BARE, knocker(NEAR), 0),
        (BARE, knocker(NEAR, WRONG), 0),
        (BARE, knocker(NEAR, tls=True), 0),
        (BARE, knocker(FAR), "public_without_tls"),
        (BARE, knocker(FAR, tls=True), "public_without_proof"),
        (KEYED, knocker(HERE), "no_password"),
        (KEYED, knocker(HERE, WRONG), "wrong_password"),
        (KEYED, knocker(HERE, RIGHT), 1),
        (KEYED, knocker(NEAR, RIGHT), 1),
        (KEYED, knocker(NEAR, RIGHT, tls=True), 2),
        (KEYED, knocker(FAR, RIGHT), "public_without_tls"),
        (KEYED, knocker(FAR, WRONG), "public_without_tls"),
        (KEYED, knocker(FAR, RIGHT, tls=True), 2),
        (KEYED, knocker(FAR, WRONG, tls=True), "wrong_password"),
        (KEYED, knocker(NEAR, None, MINE, tls=True), 3),
        (KEYED, knocker(FAR, WRONG, MINE, tls=True), 3),
        (BARE, knocker(FAR, None, MINE, tls=True), 3),
        (KEYED, knocker(NEAR, None, MINE | {"notAfter": "Jan  1 00:00:00 2026 GMT"}, tls=True), 3),
        (KEYED, knocker(NEAR, None, MINE | {"notAfter": "at the end of time"}, tls=True), 3),
        (KEYED, knocker(NEAR, RIGHT, MINE | {"notAfter": "Dec 31 23:59:59 2025 GMT"}, tls=True), "ended_certificate"),
        (KEYED, knocker(NEAR, RIGHT, OTHERS, tls=True), "wrong_certificate"),
        (BARE, knocker(HERE, None, OTHERS, tls=True), "wrong_certificate"),
        (FIRST, knocker(NEAR), 0),
        (FIRST, knocker(NEAR, WRONG), 0),
        (FIRST, knocker(NEAR, NEW), 1),
        (FIRST, knocker(FAR, tls=True), "public_without_proof"),
        (ChargerAccess(CP, KEPT, profile=Profile.PASSWORD_TLS), knocker(HERE, RIGHT), "lower_profile"),
        (ChargerAccess(CP, KEPT, profile=Profile.PASSWORD_TLS), knocker(HERE, WRONG), "wrong_password"),
        (ChargerAccess(CP, KEPT, profile=Profile.PASSWORD_TLS), knocker(HERE, RIGHT, tls=True), 2),
        (ChargerAccess(CP, KEPT, profile=Profile.PASSWORD_TLS), knocker(HERE, None, MINE, tls=True), 3),
        (ChargerAccess(CP, KEPT, profile=Profile.CERTIFICATE), knocker(HERE, RIGHT, tls=True), "lower_profile"),
        (ChargerAccess(CP, profile=Profile.CERTIFICATE), knocker(HERE), "lower_profile"),
        (ChargerAccess(CP, profile=Profile.CERTIFICATE), knocker(HERE, tls=True), "lower_profile"),
    ],
)
def test_who_may_come_in(access: ChargerAccess, who: Knocker, found: int | str) -> None:
    judged = Admission().judge(access, who, 0)
    if isinstance(judged, Refusal):
        assert judged.reason == found
        assert (
            (judged.status == 401)
            is ("WWW-Authenticate" in judged.headers)
            is (found in {"no_password", "wrong_password"})
        )
    else:
        assert judged.profile == found
        grade = {RIGHT: Grade.CURRENT, NEW: Grade.NEXT}.get(who.headers.get("Authorization", ""))
        assert judged == Admitted(Profile(judged.profile), grade if judged.profile in {1, 2} else None)


def fail(
    admission: Admission, times: int, reach: Reach = NEAR, address: str = "A", access: ChargerAccess = KEYED
) -> list[str]:
    found = [admission.judge(access, knocker(reach, WRONG, tls=True, address=address), 0) for _ in range(times)]
    return [one.reason for one in found if isinstance(one, Refusal)]


def test_a_charger_that_is_guessed_at_is_not_looked_at_but_from_where_it_last_came_in() -> None:
    admission = Admission()
    home = ChargerAccess(CP, KEPT, address="HOME")
    assert fail(admission, 21) == ["wrong_password"] * 20 + ["too_many_failures"]
    anywhere = admission.judge(home, knocker(NEAR, RIGHT, address="ELSEWHERE"), 0)
    assert isinstance(anywhere, Refusal)
    assert anywhere.headers == {"Retry-After": "60"}
    assert admission.judge(home, knocker(NEAR, RIGHT, address="HOME"), 0) == Admitted(Profile.PASSWORD, Grade.CURRENT)
    still = admission.judge(home, knocker(NEAR, WRONG, address="HOME"), 0)
    assert isinstance(still, Refusal)
    assert still.reason == "wrong_password"
    assert admission.judge(KEYED, knocker(NEAR, RIGHT), 10_000) == Admitted(Profile.PASSWORD, Grade.CURRENT)


def test_an_address_is_barred_from_all_chargers_that_prove_who_they_are_and_from_no_other() -> None:
    admission = Admission()
    for number in range(3):
        assert fail(admission, 20, access=ChargerAccess(ChargerId(f"CP{number}"), KEPT)) == ["wrong_password"] * 20
    assert fail(admission, 1) == ["too_many_failures"]
    assert admission.judge(BARE, knocker(NEAR), 0) == Admitted(Profile.NONE)
    assert admission.judge(KEYED, knocker(NEAR, RIGHT, address="B"), 0) == Admitted(Profile.PASSWORD, Grade.CURRENT)


def test_this_machine_may_fail_as_often_as_it_likes() -> None:
    assert set(fail(Admission(), 200, HERE)) == {"wrong_password"}


def test_a_charger_that_comes_in_without_end_has_to_wait_and_nobody_else_does() -> None:
    admission = Admission()
    come = [admission.judge(KEYED, knocker(NEAR, RIGHT), 0) for _ in range(61)]
    assert come[:60] == [Admitted(Profile.PASSWORD, Grade.CURRENT)] * 60
    assert isinstance(come[60], Refusal)
    assert (come[60].reason, come[60].status, come[60].headers) == ("too_many_comings", 429, {"Retry-After": "60"})
    assert isinstance(admission.judge(KEYED, knocker(NEAR, RIGHT, address="B"), 0), Admitted)
    assert isinstance(admission.judge(ChargerAccess(ChargerId("CP002")), knocker(NEAR), 0), Admitted)
    assert isinstance(admission.judge(KEYED, knocker(NEAR, RIGHT), 5_000), Admitted)


def test_a_charger_with_a_bad_line_may_come_back_each_five_seconds_for_ever() -> None:
    admission = Admission()
    found = {admission.judge(KEYED, knocker(NEAR, RIGHT), 5_000 * n) for n in range(1_000)}
    assert found == {Admitted(Profile.PASSWORD, Grade.CURRENT)}
