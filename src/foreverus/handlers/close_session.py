"""`gpu_session`'s step after termination: end the record, release the GPU slot, write the receipt."""

from dataclasses import asdict
from typing import Any

from foreverus import logs
from foreverus.api import schemas
from foreverus.bootstrap.close_session import build
from foreverus.sessions.capacity import refusals_of
from foreverus.sessions.closing import CloseRequest, Failure
from foreverus.sessions.launch_refusals import refused_launches
from foreverus.sessions.records import Outcome
from foreverus.sessions.refused import refused_of
from foreverus.sessions.spot_lives import LostGpu


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    logs.start(event, context)
    request = schemas.check("close_session", event)
    error, fleets = request.get("error"), request.get("fleet_errors", [])
    launches, zones = refused_launches(fleets), request.get("zones", {})
    closed = build().close(
        CloseRequest(
            session_id=request["session_id"],
            outcome=Outcome(request.get("outcome") or Outcome.ENDED),
            failure=Failure.of(error["Error"], error.get("Cause", ""), launches) if error else None,
            terminated_at=request.get("terminated_at") or "",
            refusals=refusals_of(fleets, zones),
            refused=refused_of(fleets, zones),
            unfit_image=request.get("unfit_image") or "",
            lost=None if "lost" not in request else [LostGpu(**one) for one in request["lost"]],
            pools=request.get("pools", ()),
        )
    )
    return asdict(closed)
