"""In-apps on the v1 wire (v1 rules 90, 91, 94 to 96, 98)."""

from typing import Any

from clarion.api.exchange import Response
from clarion.api.v1 import inapp_wire, triggered
from clarion.api.v1.call import Call
from clarion.apps.model import App
from clarion.content.triggered.model import InAppDraft, TriggeredKind


def _read(_app: App, body: Any, frame: dict[str, Any]) -> InAppDraft:
    return InAppDraft(contents=inapp_wire.read(body["messages"]), **frame)


def _write(_app: App, draft: InAppDraft, frame: dict[str, Any]) -> triggered.Shown:
    return triggered.Shown(messages=inapp_wire.write(draft.contents), **frame)


def _places(_app: App) -> dict[str, str]:
    return {**triggered.PLACES, **inapp_wire.PLACES}


_FORM = triggered.Form(TriggeredKind.INAPP, "inappId", _read, _write, _places)


async def list_inapps(call: Call) -> Response:
    """In-apps by ascending id."""
    return await triggered.list_all(call, _FORM)


async def create_inapp(call: Call) -> Response:
    """Create an in-app."""
    return await triggered.create(call, _FORM)


async def get_inapp(call: Call) -> Response:
    """One in-app, by its id or external id."""
    return await triggered.show(call, _FORM)


async def update_inapp(call: Call) -> Response:
    """Replace an in-app, by its id or external id."""
    return await triggered.replace(call, _FORM)


async def set_inapp_status(call: Call) -> Response:
    """Turn an in-app on or off, by its id or external id."""
    return await triggered.switch(call, _FORM)
