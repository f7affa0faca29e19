"""Opens what answers agents: over HTTP by the service, and over standard input by ``shopsight mcp``."""

import httpx

from serving.agents.desk import AgentDesk
from serving.agents.reviews import ReviewReader
from serving.agents.services import Services
from serving.agents.visits import Visits
from serving.followed_items import FollowedItems
from serving.orders import OrderReader
from serving.storefront.goods import Goods, read_goods, with_live
from shopsight.clock import utc_now
from shopsight.marts import export_path
from shopsight.settings import Settings


def open_desk(settings: Settings, client: httpx.AsyncClient) -> AgentDesk:
    """Return the desk of a home; ``client`` asks the other services."""
    services = Services(settings, client)
    goods: FollowedItems[Goods] = FollowedItems(
        export_path(settings, "items"), settings.live_items_path, read=read_goods, over=with_live
    )
    return AgentDesk(
        services,
        goods,
        reviews=ReviewReader(settings),
        orders=OrderReader(settings),
        visits=Visits(services, clock=utc_now),
    )
