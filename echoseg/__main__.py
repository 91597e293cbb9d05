"""``python -m echoseg``: the command line, where the ``echoseg`` command is not on the path."""

from echoseg.cli.main import app

if __name__ == "__main__":
    app()
