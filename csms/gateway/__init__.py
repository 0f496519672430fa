"""The WebSocket shell: sockets on one side, facts and commands on the other, OCPP decided by `csms.ocpp16` alone."""
