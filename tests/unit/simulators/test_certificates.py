"""What the simulated charger reads of a certificate, and the roots that it keeps, against what OpenSSL says of it."""

import pytest

from simulators.certificates import STORE_MAX, TrustStore, read_certificate
from tests.certificates import CERTIFICATE, CSR

ROOT, OTHER = "CentralSystemRootCertificate", "ManufacturerRootCertificate"
IDS = {
    "hash_algorithm": "SHA256",
    "issuer_name_hash": "de49273139264093ff2cad934218493f4c4e8d920f8761c109fbefbd478e79d9",
    "issuer_key_hash": "9ded6aa3ee05f31358908c20db8049b32027b3341143562a088cb19226754aa3",
    "serial_number": "3baf2486cc434ac6f5e177fb82cebb6ee829dfcd",
}
"""As `openssl ocsp -sha256 -issuer … -cert … -req_text` prints them."""


def test_it_is_called_what_openssl_calls_it() -> None:
    root = read_certificate(CERTIFICATE)
    assert root is not None
    assert root.is_root
    assert root.hash_data() == IDS
    assert [len(root.hash_data(name)["issuer_key_hash"]) for name in ("SHA384", "SHA512")] == [96, 128]


@pytest.mark.parametrize(
    "pem",
    [
        "",
        CSR,
        CSR.replace(" REQUEST", ""),
        CERTIFICATE[:200],
        CERTIFICATE.replace("MIIB", "MIIC"),
        "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\n=A\n-----END CERTIFICATE-----",
    ],
)
def test_what_is_no_certificate(pem: str) -> None:
    assert read_certificate(pem) is None


def test_the_store() -> None:
    store = TrustStore()
    assert store.install(ROOT, CERTIFICATE)
    assert store.install(ROOT, CERTIFICATE), "it is there already"
    assert not store.install(ROOT, CSR)
    assert (store.listed(ROOT), store.listed(OTHER)) == ([IDS], [])
    assert not store.delete(IDS | {"serial_number": "1"})
    assert not store.delete(IDS | {"hash_algorithm": "SHA512"})
    assert store.delete({name: value if name == "hash_algorithm" else value.upper() for name, value in IDS.items()})
    assert store.listed(ROOT) == []


def test_it_has_room_for_so_many() -> None:
    store = TrustStore()
    for number in range(STORE_MAX):
        assert store.install(f"use {number}", CERTIFICATE)
    assert not store.install(ROOT, CERTIFICATE)
