"""Firmware, logs and certificates (OCPP 1.6 §5.19; security whitepaper §5)."""

from base64 import b64decode
from binascii import Error as NotBase64
from datetime import datetime
from typing import Any

from simulators.certificates import CSR, read_certificate
from simulators.outbox import Message
from simulators.remote.core import Core
from simulators.vendor import call, call_result, enums, on

Trigger = enums.MessageTrigger


class Security(Core):
    """New firmware, signed or not; logs; the certificates that a charger trusts, and its own."""

    @on(enums.Action.update_firmware)
    def update_firmware(self, location: str, retrieve_date: str, **_: Any) -> Any:
        """§5.19; a charger that takes signed firmware should refuse it (L01.FR.20), and many real ones do not."""
        self._charger.upkeep.update(location, _ms(retrieve_date))
        return call_result.UpdateFirmware()

    @on(enums.Action.signed_update_firmware)
    def signed_update_firmware(self, request_id: int, firmware: dict[str, str], **_: Any) -> Any:
        """§5.21: the certificate has to be one; what is no Base64 is no signature (L01.FR.03)."""
        upkeep, status = self._charger.upkeep, enums.UpdateFirmwareStatus
        if read_certificate(firmware["signing_certificate"]) is None:
            self._later(lambda: upkeep.say_security_event("InvalidFirmwareSigningCertificate"))
            return call_result.SignedUpdateFirmware(status=status.invalid_certificate)
        retrieve_ms = _ms(firmware["retrieve_date_time"])
        install_ms = _ms(firmware.get("install_date_time", firmware["retrieve_date_time"]))
        signature = _bytes(firmware["signature"])
        answer = upkeep.update_signed(firmware["location"], retrieve_ms, install_ms, request_id, signature)
        return call_result.SignedUpdateFirmware(status=answer)

    @on(enums.Action.get_log)
    def get_log(self, log_type: str, request_id: int, **_: Any) -> Any:
        """§5.9: there always is something to upload."""
        status = self._charger.upkeep.upload_log(request_id)
        return call_result.GetLog(status=status, filename=f"{log_type}-{request_id}.txt")

    @on(enums.Action.extended_trigger_message)
    def extended_trigger_message(self, requested_message: str, connector_id: int | None = None, **_: Any) -> Any:
        """§5.5: as TriggerMessage, and what the whitepaper adds to it."""
        upkeep = self._charger.upkeep
        says = {
            Trigger.firmware_status_notification: upkeep.say_signed_firmware_status,
            Trigger.log_status_notification: upkeep.say_log_status,
            Trigger.sign_charge_point_certificate: self._ask_for_certificate,
        }.get(requested_message)
        if says is None:
            return call_result.ExtendedTriggerMessage(status=self._triggered(requested_message, connector_id))
        self._later(says)
        return call_result.ExtendedTriggerMessage(status=enums.TriggerMessageStatus.accepted)

    def _ask_for_certificate(self) -> None:
        charger = self._charger

        def answered(answer: Any) -> None:
            charger.awaits_certificate = answer.status == enums.GenericStatus.accepted

        charger.outbox.put(Message("SignCertificate", lambda: call.SignCertificate(csr=CSR), answered))

    @on(enums.Action.certificate_signed)
    def certificate_signed(self, certificate_chain: str, **_: Any) -> Any:
        """§5.1: taken if it can be read and was asked for, else told as a security event (A02.FR.07)."""
        charger, status = self._charger, enums.CertificateSignedStatus
        if charger.awaits_certificate and read_certificate(certificate_chain) is not None:
            charger.awaits_certificate = False
            return call_result.CertificateSigned(status=status.accepted)
        self._later(lambda: charger.upkeep.say_security_event("InvalidChargePointCertificate"))
        return call_result.CertificateSigned(status=status.rejected)

    @on(enums.Action.install_certificate)
    def install_certificate(self, certificate_type: str, certificate: str, **_: Any) -> Any:
        """§5.11."""
        status, installed = enums.CertificateStatus, self._charger.roots.install(certificate_type, certificate)
        return call_result.InstallCertificate(status=status.accepted if installed else status.rejected)

    @on(enums.Action.get_installed_certificate_ids)
    def get_installed_certificate_ids(self, certificate_type: str, **_: Any) -> Any:
        """§5.7."""
        status, listed = enums.GetInstalledCertificateStatus, self._charger.roots.listed(certificate_type)
        if not listed:
            return call_result.GetInstalledCertificateIds(status=status.not_found)
        return call_result.GetInstalledCertificateIds(status=status.accepted, certificate_hash_data=listed)

    @on(enums.Action.delete_certificate)
    def delete_certificate(self, certificate_hash_data: dict[str, str], **_: Any) -> Any:
        """§5.3."""
        status, deleted = enums.DeleteCertificateStatus, self._charger.roots.delete(certificate_hash_data)
        return call_result.DeleteCertificate(status=status.accepted if deleted else status.not_found)


def _ms(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp() * 1_000)


def _bytes(base64: str) -> bytes:
    try:
        return b64decode(base64, validate=True)
    except (NotBase64, ValueError):
        return b""
