"""``shopsight mcp``: the tools for programs that shop for people, over standard input and output."""

from cli.console import explained


def mcp() -> None:
    """Answer a program that shops for somebody, over standard input (MCP); `up` serves the same over HTTP."""
    with explained():
        from serving.agents.standard_input import serve_standard_input
        from shopsight.settings import Settings

        serve_standard_input(Settings())
