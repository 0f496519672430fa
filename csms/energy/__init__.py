"""What of the site speaks neither OCPP nor REST: devices that are asked over Modbus."""
