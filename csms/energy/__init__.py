"""What else hangs on the grid connection beside cars: batteries (`ports`, `modelled`, `watch`)."""
