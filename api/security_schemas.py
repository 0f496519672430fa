"""The bodies of the actions of the security whitepaper ("Improved security for OCPP 1.6-J", edition 2, §5), strict.

Times and ids are as in all other commands; certificates are PEM, hashes hexadecimal, signatures Base64.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from api.command_fields import INT32_MAX, LEFT_OUT, CommandPayload, Connector, Number, Time
from api.pem import why_no_certificates
from csms.core.faults import Fault

CERTIFICATE_CHARS_MAX = 5_500
CHAIN_CHARS_MAX = 10_000
SIGNATURE_CHARS_MAX = 800
URL_CHARS_MAX = 512
URL_PATTERN = r"^[A-Za-z][A-Za-z0-9+.-]*://[!-~]+$"
SERIAL_PATTERN = "^[!-~]{1,40}$"
HASH_PATTERN = "^([0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})$"
HASH_CHARS: Mapping[str, int] = {"SHA256": 64, "SHA384": 96, "SHA512": 128}


def _text(value: object, chars_max: int) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("text", "must be text")
    if not 1 <= len(value) <= chars_max:
        raise PydanticCustomError("text", "must have 1 to {chars_max} characters", {"chars_max": chars_max})
    return value


def _certificate(value: object) -> str:
    return _in_pem(_text(value, CERTIFICATE_CHARS_MAX), 1)


def _chain(value: object) -> str:
    return _in_pem(_text(value, CHAIN_CHARS_MAX), None)


def _in_pem(text: str, certificates_max: int | None) -> str:
    why = why_no_certificates(text, certificates_max)
    if why is not None:
        raise PydanticCustomError("pem", "{why}", {"why": why})
    return text


def _signature(value: object) -> str:
    text = _text(value, SIGNATURE_CHARS_MAX)
    try:
        b64decode(text, validate=True)
    except (NotBase64, ValueError):
        raise PydanticCustomError("base64", "must be Base64") from None
    return text


def _url(value: object) -> str:
    text = _text(value, URL_CHARS_MAX)
    if re.fullmatch(URL_PATTERN, text, re.ASCII) is None:
        raise PydanticCustomError("url", "must be a URL such as ftps://files.example/path")
    return text


def _serial_number(value: object) -> str:
    if not isinstance(value, str) or re.fullmatch(SERIAL_PATTERN, value, re.ASCII) is None:
        raise PydanticCustomError("serial", "must be 1 to 40 printable ASCII characters without spaces")
    return value


def _hash(value: object) -> str:
    if not isinstance(value, str) or re.fullmatch(HASH_PATTERN, value) is None:
        raise PydanticCustomError("hash", "must be hexadecimal: 64 digits of SHA256, 96 of SHA384 or 128 of SHA512")
    return value


def _schema(chars_max: int, **others: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "minLength": 1, "maxLength": chars_max} | others)


Certificate = Annotated[str, PlainValidator(_certificate), _schema(CERTIFICATE_CHARS_MAX)]
Chain = Annotated[str, PlainValidator(_chain), _schema(CHAIN_CHARS_MAX)]
Signature = Annotated[str, PlainValidator(_signature), _schema(SIGNATURE_CHARS_MAX, contentEncoding="base64")]
Url = Annotated[str, PlainValidator(_url), _schema(URL_CHARS_MAX, pattern=URL_PATTERN)]
SerialNumber = Annotated[str, PlainValidator(_serial_number), _schema(40, pattern=SERIAL_PATTERN)]
Hash = Annotated[str, PlainValidator(_hash), WithJsonSchema({"type": "string", "pattern": HASH_PATTERN})]
RequestId = Annotated[
    int,
    Field(ge=0, le=INT32_MAX, description="What the charger reports of it carries this; of one that goes on, once."),
]
CertificateUse = Literal["CentralSystemRootCertificate", "ManufacturerRootCertificate"]


class ExtendedTriggerMessage(CommandPayload):
    """Whitepaper §5.5: say something now; FirmwareStatusNotification is the one of signed firmware."""

    requested_message: Literal[
        "BootNotification",
        "LogStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "SignChargePointCertificate",
        "StatusNotification",
    ]
    connector_id: Connector = Field(LEFT_OUT, description="Absent: all of them.")


class LogParameters(CommandPayload):
    """Whitepaper §6.12: which part of a log, and where it goes."""

    remote_location: Url = Field(description="Where it is uploaded to.")
    oldest_timestamp: Time = Field(LEFT_OUT)
    latest_timestamp: Time = Field(LEFT_OUT)


class GetLog(CommandPayload):
    """Whitepaper §5.9: upload a log; what is reported of it settles the outcome."""

    log_type: Literal["DiagnosticsLog", "SecurityLog"]
    request_id: RequestId
    retries: Number = Field(LEFT_OUT)
    retry_interval: Number = Field(LEFT_OUT, description="Seconds.")
    log: LogParameters

    def faults(self) -> list[Fault]:
        """Return what does not fit together."""
        told = {"oldest_timestamp", "latest_timestamp"} <= self.log.model_fields_set
        if told and self.log.latest_timestamp < self.log.oldest_timestamp:
            return [Fault("$.log.latestTimestamp", "must not be before oldestTimestamp")]
        return []


class Firmware(CommandPayload):
    """Whitepaper §6.7: new firmware, and by whom it is signed."""

    location: Url = Field(description="Where it is fetched from.")
    retrieve_date_time: Time = Field(description="Not before this time.")
    install_date_time: Time = Field(LEFT_OUT, description="Not before this time; absent: as soon as it can be.")
    signing_certificate: Certificate = Field(description="That of the manufacturer, PEM.")
    signature: Signature = Field(description="Of the whole file, Base64.")


class SignedUpdateFirmware(CommandPayload):
    """Whitepaper §5.21: fetch, verify and install firmware; what is reported of it settles the outcome."""

    retries: Number = Field(LEFT_OUT)
    retry_interval: Number = Field(LEFT_OUT, description="Seconds.")
    request_id: RequestId
    firmware: Firmware

    def faults(self) -> list[Fault]:
        """Return what does not fit together."""
        firmware = self.firmware
        told = "install_date_time" in firmware.model_fields_set
        if told and firmware.install_date_time < firmware.retrieve_date_time:
            return [Fault("$.firmware.installDateTime", "must not be before retrieveDateTime")]
        return []


class InstallCertificate(CommandPayload):
    """Whitepaper §5.11: trust a root certificate."""

    certificate_type: CertificateUse
    certificate: Certificate = Field(description="One, PEM.")


class GetInstalledCertificateIds(CommandPayload):
    """Whitepaper §5.7: which root certificates are trusted; NotFound: none."""

    certificate_type: CertificateUse


class CertificateHashData(CommandPayload):
    """Whitepaper §6.1: names a certificate, as GetInstalledCertificateIds has told it."""

    hash_algorithm: Literal["SHA256", "SHA384", "SHA512"]
    issuer_name_hash: Hash
    issuer_key_hash: Hash
    serial_number: SerialNumber


class DeleteCertificate(CommandPayload):
    """Whitepaper §5.3: trust a root certificate no more. Without any of this system's its charger cannot come back."""

    certificate_hash_data: CertificateHashData

    def faults(self) -> list[Fault]:
        """Return what does not fit together."""
        told = self.certificate_hash_data
        digits = HASH_CHARS[told.hash_algorithm]
        hashes = {"issuerNameHash": told.issuer_name_hash, "issuerKeyHash": told.issuer_key_hash}
        wrong = f"must have {digits} hexadecimal digits, as a hash of {told.hash_algorithm} has"
        return [Fault(f"$.certificateHashData.{name}", wrong) for name, value in hashes.items() if len(value) != digits]


class CertificateSigned(CommandPayload):
    """Whitepaper §5.1: here is the certificate that was asked for with SignCertificate."""

    certificate_chain: Chain = Field(description="PEM, the charger's own first, then those that it was signed with.")


CERTIFICATE = (
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBqDCCAU+gAwIBAgIUO68khsxDSsb14Xf7gs67bugp380wCgYIKoZIzj0EAwIw\n"
    "KTEQMA4GA1UECgwHRXhhbXBsZTEVMBMGA1UEAwwMRXhhbXBsZSByb290MCAXDTI2\n"
    "MTEyNzAyMDg1NFoYDzIxMjYxMTAzMDIwODU0WjApMRAwDgYDVQQKDAdFeGFtcGxl\n"
    "MRUwEwYDVQQDDAxFeGFtcGxlIHJvb3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"
    "AARJ58o7jAtSim35QDqQXbUylDToQ0Oms6K8rUmDA970Exsy9Y+Pkk6Fx5Az9HV1\n"
    "5MuTcDGeTlHPdFR99txd9TDto1MwUTAdBgNVHQ4EFgQU3jujkokCRrFRuOS2im6/\n"
    "BlQFLI0wHwYDVR0jBBgwFoAU3jujkokCRrFRuOS2im6/BlQFLI0wDwYDVR0TAQH/\n"
    "BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiByTQcrzPXm3DAxLef+ATeuiq/cXudI\n"
    "QtY9xByr4+WjdQIgbICaOBGQv2yjtXNPajEJt+sHH+rHXUliJYvzwr8NaUw=\n"
    "-----END CERTIFICATE-----\n"
)
"""A root that signs nothing."""

EXAMPLES: Mapping[type[CommandPayload], dict[str, Any]] = {
    ExtendedTriggerMessage: {"requestedMessage": "SignChargePointCertificate"},
    GetLog: {
        "logType": "SecurityLog",
        "requestId": 17,
        "log": {"remoteLocation": "ftps://files.example/logs", "oldestTimestamp": "2026-11-26T00:00:00Z"},
    },
    SignedUpdateFirmware: {
        "requestId": 18,
        "firmware": {
            "location": "https://files.example/fw-2.1.bin",
            "retrieveDateTime": "2026-11-27T02:00:00Z",
            "signingCertificate": CERTIFICATE,
            "signature": "MEUCIQCEljay4vxLHqLlSLYAlsz8KkS4RNFf7WFR9cGdt72CgwIgBRYhODg36AtiMQWBN43j3t81CwsWryNw9Q==",
        },
    },
    InstallCertificate: {"certificateType": "CentralSystemRootCertificate", "certificate": CERTIFICATE},
    GetInstalledCertificateIds: {"certificateType": "CentralSystemRootCertificate"},
    DeleteCertificate: {
        "certificateHashData": {
            "hashAlgorithm": "SHA256",
            "issuerNameHash": "9f1a" * 16,
            "issuerKeyHash": "4c07" * 16,
            "serialNumber": "3baf2486cc434ac6f5e177fb82ceb8eee829",
        }
    },
    CertificateSigned: {"certificateChain": CERTIFICATE},
}
"""Every action's model, in the order of the documentation, with an example of its body."""
