"""What AWS takes for a page that is open and asks nothing: the pings of its WebSocket. Pure.

How often it pings stands in frontend/src/live.ts: a test compares it. None of it is in the ledger, as with what an
answer takes beside its tokens (one_answer.py, which has the prices and their sources).
"""

import math
from enum import StrEnum

from foreverus.costs.one_answer import CALL_USD, FRAME_USD, GB_SECOND_USD, READ_USD, WRITE_USD

CONNECTED_MINUTE_USD = 0.25e-6  # a connection; https://aws.amazon.com/api-gateway/pricing
PING_GB, PING_S = 0.5, 0.05  # WebSocketFunction's memory; the time is assumed
TOPICS = 3  # what a page listens to: the session, the open conversation, the list of conversations
LOOK_EVERY_S = 15  # pings that come sooner have no credentials looked at (live/frames.py)


class Attention(StrEnum):
    """What a person has of the page just now."""

    SEEN = "seen"
    AWAITED = "awaited"  # it is behind another tab, and a GPU is on or an answer on its way
    UNSEEN = "unseen"


PING_EVERY_S = {Attention.SEEN: 12, Attention.AWAITED: 40, Attention.UNSEEN: 240}


def usd_an_hour(attention: Attention) -> float:
    """Of one page on which nothing happens.

    >>> round(usd_an_hour(Attention.SEEN), 4)
    0.0012
    """
    every_s = PING_EVERY_S[attention]
    pings = 3600 / every_s
    looks = pings / math.ceil(LOOK_EVERY_S / every_s)
    ping = 2 * FRAME_USD + CALL_USD + PING_GB * PING_S * GB_SECOND_USD + READ_USD
    look = (1 + TOPICS) * WRITE_USD  # Cognito's AdminGetUser is free
    return pings * ping + looks * look + 60 * CONNECTED_MINUTE_USD
