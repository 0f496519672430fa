"""Sans-I/O OCPP 1.6-J: text frames in, events out; commands in, text frames out. No socket, no clock, no loop."""
