"""What an operator can observe: logs now, metrics later."""
