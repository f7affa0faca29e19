"""The command line: thin, and the one place above every layer; all it does is also an asset, a job or a route."""

from cli.app import main

__all__ = ["main"]
