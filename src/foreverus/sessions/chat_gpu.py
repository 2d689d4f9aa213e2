"""A GPU for chats, while it is worth one: looked at when an answer of Bedrock's has its end, because that is when
Bedrock's bill grows."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Protocol

from foreverus import ids
from foreverus.choice.assumed import ASSUMED_BOOT_S
from foreverus.choice.chat_gpu import HOUR_S, REVIEW_S, ChatGpuFigures, start_for_chats
from foreverus.choice.pauses import minute_of
from foreverus.errors import ForeverUsError
from foreverus.sessions.boots import boot_seconds
from foreverus.sessions.demand import Demand
from foreverus.sessions.gpu_state import BOOTS_TO_LEARN_FROM
from foreverus.sessions.records import Session, Trigger

OWNER = "chats"  # of a session that nobody asked for

log = logging.getLogger(__name__)


class Sessions(Protocol):
    def live_session_ids(self) -> list[str]: ...
    def newest(self, limit: int, after: str = "") -> list[Session]: ...


class Starts(Protocol):
    """`SessionStarter`."""

    def start(self, owner: str, trigger: Trigger) -> tuple[Session, bool]: ...


@dataclass(frozen=True, kw_only=True)
class ChatGpu:
    """`allowed`: the deployment may start one (`ChatGpu=auto`). `usd_per_hour`: on spot, with disk and address."""

    demand: Demand
    sessions: Sessions
    starter: Starts
    allowed: bool
    usd_per_hour: float
    clock: Callable[[], datetime]

    def answered(self, usd: float) -> Session | None:
        """Bedrock took so much for an answer. Returns the session that is started for it; None: none is worth it, or
        one is live. Nothing that fails here is raised: the answer is there."""
        now = self.clock()
        try:
            self.demand.spent(now, usd)
            return self._started(now) if self.allowed else None
        except ForeverUsError as err:  # the month's cap, or somebody else is faster
            log.warning("no GPU for chats: %s", err)
        except Exception as err:
            log.warning("counting an answer of Bedrock's: %r", err)
        return None

    def _started(self, now: datetime) -> Session | None:
        spent = self.demand.bedrock_usd(now - timedelta(seconds=HOUR_S), now)
        # Most answers end here, after one read: boots that were faster than any would not be worth it either.
        fastest = ChatGpuFigures(boot_seconds=0.0, gpu_usd_per_hour=self.usd_per_hour)
        if sum(spent.values()) < fastest.start_usd or self.sessions.live_session_ids():
            return None
        earlier = self.sessions.newest(BOOTS_TO_LEARN_FROM)
        booted = median(boot_seconds(earlier) or [ASSUMED_BOOT_S])
        figures = ChatGpuFigures(boot_seconds=booted, gpu_usd_per_hour=self.usd_per_hour)
        # What came before the last one's start was that one's: no dollar pays for two starts.
        since = max((_begun(one) for one in earlier if one.trigger is Trigger.CHATS), default=0)
        ours = {minute: usd for minute, usd in spent.items() if minute > since}
        lately = minute_of(now - timedelta(seconds=REVIEW_S))
        recent = sum(usd for minute, usd in ours.items() if minute > lately)
        decision = start_for_chats(sum(ours.values()), recent, figures)
        if not decision.wanted:
            return None
        session, started = self.starter.start(OWNER, Trigger.CHATS)
        if started:
            log.warning(
                "a GPU for chats: an hour of Bedrock was US$ %.4f, worth it from US$ %.4f",
                *(decision.bedrock_usd, decision.gpu_usd),
            )
        return session if started else None


def _begun(session: Session) -> int:
    return minute_of(ids.parse_timestamp(session.created_at))
