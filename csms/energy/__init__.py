"""What of the site speaks neither OCPP nor REST: batteries, and devices that are asked over Modbus."""
