"""What the document says of an expiry, and what is read, are the same."""

import jsonschema_rs
import pytest

from api.id_tag_fields import EXPIRY_SCHEMA, expiry_ms

FITS = jsonschema_rs.Draft202012Validator(EXPIRY_SCHEMA, validate_formats=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-26T10:00:00Z", 1_795_687_200),
        ("2026-11-26t10:00:00.999999999z", 1_795_687_200),
        ("2026-11-26 12:00:00,5+02:00", 1_795_687_200),
        ("2026-11-26T12:00+02", 1_795_687_200),
        ("2026-11-26T12:00:00+0200", 1_795_687_200),
        ("2026-11-26T10:00", 1_795_687_200),
        ("2026-11-26", 1_795_651_200),
        ("2020-01-01", 1_577_836_800),
        ("2099-12-31T23:59:59Z", 4_102_444_799),
    ],
)
def test_a_time_that_is_read_fits(text: str, seconds: int) -> None:
    assert FITS.is_valid(text)
    assert expiry_ms(text) == seconds * 1_000


@pytest.mark.parametrize(
    "text",
    [
        *("", " 2026-11-26", "2026-11-26 ", "2026-11-26\n", "26-11-26", "2026-11", "20261126", "2026-W48-4"),
        *(
            "2019-12-31T23:30:00-01:00",
            "2100-01-01T01:00:00+02:00",
            "1999-01-01",
            "2026-11-26T10",
            "2026-11-26T10:00:00.",
        ),
        *(
            "2026-11-26T10:00:00.1234567890Z",
            "2026-11-26T10:00:00 Z",
            "2026-11-26T10:00Z+01",
            "2026-11-26Z",
            "\u0662026-11-26",
        ),
        *("20\u0662\u0666-11-26", "2026-11-26T10:00:00UTC", "tomorrow"),
    ],
)
def test_a_text_that_is_not_read_does_not_fit(text: str) -> None:
    assert not isinstance(expiry_ms(text), int)
    assert not FITS.is_valid(text)


@pytest.mark.parametrize("text", ["2026-02-30", "2026-11-26T24:01", "2026-13-01", "2020-01-01T00:00:00+01:00"])
def test_what_is_no_moment_of_these_years_has_the_form_alone(text: str) -> None:
    """JSON Schema has no words for it."""
    assert FITS.is_valid(text)
    assert not isinstance(expiry_ms(text), int)
