"""`python -m csms` is the same as the `csms` script."""

from csms.cli import app

if __name__ == "__main__":
    app(prog_name="csms")
