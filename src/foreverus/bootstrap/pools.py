"""What orders the zones and types of the next launch: for whoever closes sessions."""

from typing import TYPE_CHECKING

from foreverus.bootstrap import aws

if TYPE_CHECKING:
    from foreverus.sessions.pool_learning import PoolLearning


def learning(table_name: str) -> "PoolLearning":
    from foreverus.aws.ec2 import SpotPrices
    from foreverus.sessions.diary import CapacityDiary
    from foreverus.sessions.pool_learning import PoolLearning
    from foreverus.sessions.store import SessionStore

    table = aws.items(table_name)
    return PoolLearning(
        diary=CapacityDiary(table),
        sessions=SessionStore(table),
        spot_prices=SpotPrices(aws.client("ec2")).everywhere,
        region=aws.region(),
        clock=aws.clock,
    )
