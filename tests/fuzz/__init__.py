"""What nobody meant to send: frames, requests, configurations and settings, by the hundred thousand."""
