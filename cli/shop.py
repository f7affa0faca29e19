"""``shopsight shop``: a small shop over the items, whose lists and clicks are the real ones, until Ctrl-C."""

from cli.console import out
from shopsight.errors import ShopsightError
from shopsight.ports import why_taken
from shopsight.settings import Settings

HOST = "127.0.0.1"
"""Whoever asks the shop asks with its key: it answers this machine alone."""


def run_shop() -> None:
    """Serve the shop beside what ``shopsight up`` started.

    Raises:
        ShopsightError: its port is taken.
    """
    import uvicorn

    from serving.storefront.app import storefront_app

    settings = Settings()
    if (why := why_taken(HOST, settings.shop_port)) is not None:
        raise ShopsightError(
            f"the shop cannot listen on port {settings.shop_port}",
            why=why,
            fix="stop what runs there, or set SHOPSIGHT_SHOP_PORT to another port",
        )
    app = storefront_app(settings)
    out.print(f"the sample shop: http://{HOST}:{settings.shop_port} (Ctrl-C ends it)", soft_wrap=True)
    uvicorn.run(app, host=HOST, port=settings.shop_port, log_level="warning", access_log=False)
