"""What else hangs on the grid connection: batteries (`ports`, `modelled`, `watch`), its meter (`meters`, `modbus`)."""
