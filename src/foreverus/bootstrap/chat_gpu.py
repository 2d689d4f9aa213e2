"""A GPU for what Bedrock answers, while it is worth one: for both functions that ask Bedrock in people's name."""

from typing import TYPE_CHECKING, Protocol

from foreverus.bootstrap import aws, shared

if TYPE_CHECKING:
    from foreverus.sessions.chat_gpu import ChatGpu


class ChatGpuSettings(shared.StartSettings, Protocol):
    @property
    def chat_gpu(self) -> str: ...
    @property
    def instance_types(self) -> str: ...


def chat_gpu(env: ChatGpuSettings) -> "ChatGpu":
    from foreverus.costs.meter import BESIDE_GPU_USD_PER_HOUR
    from foreverus.costs.prices import dearest_price, listed_price
    from foreverus.sessions.chat_gpu import ChatGpu
    from foreverus.sessions.demand import DemandStore
    from foreverus.sessions.store import SessionStore

    table, listed = aws.items(env.table_name), listed_price(env.instance_types.split(",")[0], aws.region(), "spot")
    return ChatGpu(
        demand=DemandStore(table),
        sessions=SessionStore(table),
        starter=shared.starter(env),
        allowed=env.chat_gpu == "auto",
        usd_per_hour=(listed.usd_per_hour or dearest_price().usd_per_hour or 1.0) + BESIDE_GPU_USD_PER_HOUR,
        clock=aws.clock,
    )
