"""The life of one request that an ability serves: a place under the caller's limits with what it may cost set aside,
what it has cost counted once, and the place back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from foreverus import ids
from foreverus.access.records import Caller
from foreverus.concurrency import RunBlocking
from foreverus.costs.ledger import CountedCost
from foreverus.costs.money import at_most, exact
from foreverus.costs.reservations import API_CALL, Owner, Reservation
from foreverus.costs.usage.records import UsageKind, Used, UsedService
from foreverus.limits.requests import Admission, RequestLimits
from foreverus.openai_api.accounts import Accounts
from foreverus.openai_api.settling import reservation, settled


@dataclass(frozen=True, kw_only=True)
class Desk:
    """`accounts`: those of one request."""

    limits: RequestLimits
    accounts: Callable[[], Accounts]
    clock: Callable[[], datetime]
    run_blocking: RunBlocking = asyncio.to_thread

    async def enter(self, request_id: str, owner: Owner, most_usd: float, caller: Caller) -> "PaidPlace":
        """All or nothing. `owner`: one that is the name of a UsedService too. Raises LimitReached, SpendCapReached
        and NotAccepted."""
        return await self.run_blocking(self._enter, request_id, owner, at_most(most_usd), caller)

    def _enter(self, request_id: str, owner: Owner, usd: Decimal, caller: Caller) -> "PaidPlace":
        now, accounts = self.clock(), self.accounts()
        reserved = reservation(f"{API_CALL}{request_id}", owner, usd, now)
        admitted = self.limits.enter(
            caller.user_id, caller.key_id, request_id, lambda changes: accounts.reserve_with(reserved, changes)
        )
        return PaidPlace(self, admitted, reserved, accounts)


@dataclass(frozen=True, slots=True)
class PaidPlace:
    """Of one request."""

    desk: Desk
    admitted: Admission
    reserved: Reservation
    accounts: Accounts

    async def leave(self, usd: float, used: bool) -> None:
        """`usd`: what it has cost: in our own container nothing, for its run is paid. `used`: False: nothing was asked,
        and nothing is counted. Where counting fails to the end, the reservation stays, and the sweep counts
        it."""
        run = self.desk.run_blocking
        if used:
            await settled(run, self.reserved.name, self._count, exact(usd))
        else:
            await settled(run, self.reserved.name, self.accounts.release, self.reserved.month, self.reserved.name)
        await run(self.desk.limits.leave, self.admitted, 0)

    def _count(self, usd: Decimal) -> None:
        now = self.desk.clock()
        used = Used(service=UsedService(self.reserved.owner.value), kind=UsageKind.API, messages=1, usd=usd)
        self.accounts.settle(self.reserved, self.admitted.user_id, now, CountedCost(usd, ids.timestamp(now)), used)
