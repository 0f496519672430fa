"""GetLocalListVersion and SendLocalList (OCPP 1.6 §5.10, §5.15)."""

from typing import Any

from simulators.remote.base import Base
from simulators.vendor import call_result, enums, on


class LocalAuthList(Base):
    """The local-authorization-list profile of the specification."""

    @on(enums.Action.get_local_list_version)
    def get_local_list_version(self, **_: Any) -> Any:
        """§5.10."""
        return call_result.GetLocalListVersion(list_version=self._charger.local_list.version)

    @on(enums.Action.send_local_list)
    def send_local_list(
        self,
        list_version: int,
        update_type: str,
        local_authorization_list: list[dict[str, Any]] | None = None,
        **_: Any,
    ) -> Any:
        """§5.15."""
        status = self._charger.local_list.update(list_version, update_type, local_authorization_list or [])
        return call_result.SendLocalList(status=status)
