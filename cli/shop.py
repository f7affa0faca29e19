"""``shopsight shop``: a small shop over the items, whose lists and clicks are the real ones, until Ctrl-C."""

from cli.console import out
from shopsight.errors import ShopsightError
from shopsight.ports import why_taken
from shopsight.settings import Settings


def run_shop() -> None:
    """Serve the shop beside what ``shopsight up`` started.

    Raises:
        ShopsightError: its port is taken.
    """
    from serving.storefront.app import HOST, storefront_server

    settings = Settings()
    if (why := why_taken(HOST, settings.shop_port)) is not None:
        raise ShopsightError(
            f"the shop cannot listen on port {settings.shop_port}",
            why=why,
            fix="stop what runs there, or set SHOPSIGHT_SHOP_PORT to another port",
        )
    server = storefront_server(settings)
    out.print(f"the sample shop: http://{HOST}:{settings.shop_port} (Ctrl-C ends it)", soft_wrap=True)
    server.run()
