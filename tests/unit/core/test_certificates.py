"""What a charger calls a certificate: hashes as OpenSSL has them (`openssl ocsp -req_text`), and chargers' own ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.core.certificates import HASHES, Named, named_as, named_in, read_certificate
from simulators.certificates import read_certificate as simulators_read
from tests.certificates import CERTIFICATE, INTERMEDIATE, OTHER_ROOT

NAME_256 = "B66D1CDF4AC318D0330953AE865ABCAE59823FA84EF5A49C68F517CA13DE7619"
KEY_256 = "82626CA37ECD76EE137D6481CE5496DEBA53A9842BBCFFEBF43703082729B1FD"
INFO_256 = "68fe5da746310ef46493e1cea35211c556d0c198b797c9517ad28a8304093cdf"
NAME_384 = "01046E46A93171C4AB507862DD5C1A809F9C358602151DBB5E90939A7F6C4A3F38DB4644CD14C683B4BFDF6F5B7AD52A"
KEY_384 = "59BBC6CB80A7D464F6607498F80FDB1EA77DEB49AD9C559A7756F513B49E75568C09BD0C1EE1CA9D9532CED5D344D5F0"
NAME_512 = (
    "121B8B3A5175B78EE8FD2A78E8357DBD837A036EF15B1F18618CE7DD91BFF41E"
    "ED47DD6BD4870D85935DF2C4DE6C4D57420D4B9BCD7D3446003AD641A8C33216"
)
KEY_512 = (
    "0CF31E0D29CCF7DDED3BF5852AE83D0F7FD936C7D569A4B68AAD21324AA670F6"
    "7B1FFE871F962D69AA41FD28AB3DDAE51D82C1FB10D1E66634E40147388B872D"
)


@pytest.mark.parametrize(
    ("pem", "named", "is_it"),
    [
        (OTHER_ROOT, Named("SHA256", NAME_256, KEY_256, "F2"), True),
        (OTHER_ROOT, Named("SHA256", NAME_256.lower(), KEY_256.lower(), "00f2"), True),
        (OTHER_ROOT, Named("SHA256", NAME_256, INFO_256, "f2"), True),
        (OTHER_ROOT, Named("SHA384", NAME_384, KEY_384, "F2"), True),
        (OTHER_ROOT, Named("SHA512", NAME_512, KEY_512, "00:F2"), True),
        (OTHER_ROOT, Named("SHA256", NAME_256, KEY_256, "242"), False),
        (OTHER_ROOT, Named("SHA256", NAME_256, NAME_256, "F2"), False),
        (OTHER_ROOT, Named("SHA256", KEY_256, KEY_256, "F2"), False),
        (OTHER_ROOT, Named("SHA384", NAME_256, KEY_256, "F2"), False),
        (OTHER_ROOT, Named("SHA1", NAME_256, KEY_256, "F2"), False),
        (INTERMEDIATE, Named("SHA256", NAME_256, KEY_256, "0B"), True),
        (INTERMEDIATE, Named("SHA256", NAME_256, KEY_256, "0C"), False),
        (INTERMEDIATE, Named("SHA256", KEY_256, KEY_256, "0B"), False),
        (CERTIFICATE, Named("SHA256", NAME_256, KEY_256, "F2"), False),
    ],
)
def test_which_certificate_is_meant(pem: str, named: Named, is_it: bool) -> None:  # noqa: FBT001 - a column
    certificate = read_certificate(pem)
    assert certificate is not None
    assert certificate.is_called(named) is is_it


@pytest.mark.parametrize("algorithm", HASHES)
@pytest.mark.parametrize("pem", [CERTIFICATE, OTHER_ROOT])
def test_what_a_simulated_charger_tells_of_a_root_is_understood(pem: str, algorithm: str) -> None:
    told, certificate = simulators_read(pem), read_certificate(pem)
    assert told is not None
    assert certificate is not None
    words = told.hash_data(algorithm)
    data = {"hashAlgorithm": algorithm, "issuerNameHash": words["issuer_name_hash"]}
    data |= {"issuerKeyHash": words["issuer_key_hash"], "serialNumber": words["serial_number"]}
    named = named_as(data)
    assert named is not None
    assert named.hash_data() == data
    assert certificate.is_called(named)


WHOLE = {"hashAlgorithm": "SHA256", "issuerNameHash": NAME_256, "issuerKeyHash": KEY_256, "serialNumber": "F2"}


@pytest.mark.parametrize(
    "told",
    [
        None,
        "SHA256",
        [],
        {},
        WHOLE | {"hashAlgorithm": "SHA1"},
        WHOLE | {"hashAlgorithm": "SHA384"},
        WHOLE | {"issuerNameHash": NAME_256[1:]},
        WHOLE | {"issuerKeyHash": 5},
        WHOLE | {"serialNumber": ""},
        WHOLE | {"serialNumber": "1" * 41},
        WHOLE | {"serialNumber": None},
    ],
)
def test_what_could_not_be_sent_back_names_nothing(told: object) -> None:
    assert named_as(told) is None
    assert named_in([told, WHOLE]) == (Named("SHA256", NAME_256, KEY_256, "F2"),)


@pytest.mark.parametrize("listed", [None, {}, "", 5])
def test_what_is_no_list_tells_nothing(listed: object) -> None:
    assert named_in(listed) is None


def test_a_field_that_nobody_knows_is_not_sent_back() -> None:
    named = named_as(WHOLE | {"vendor": 1, "serialNumber": " F2 "})
    assert named is not None
    assert named.hash_data() == WHOLE


@given(st.text(max_size=40) | st.binary(max_size=60).map(lambda some: some.hex()))
def test_text_of_any_kind_is_read_or_not(text: str) -> None:
    assert read_certificate(text) is None
    assert read_certificate(f"-----BEGIN CERTIFICATE-----{text}-----END CERTIFICATE-----") is None


@pytest.mark.parametrize("cut", range(0, 400, 9))
def test_one_that_is_cut_off_is_none(cut: int) -> None:
    body = "".join(OTHER_ROOT.splitlines()[1:-1])
    assert read_certificate(f"-----BEGIN CERTIFICATE-----{body[:cut]}-----END CERTIFICATE-----") is None
