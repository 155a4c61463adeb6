"""What may be sent as a body, before it is decoded: its size and its media type (v2 rules 1.6 and 1.7)."""

from typing import Final

from clarion.api.contract.document import Operation
from clarion.api.exchange import Request
from clarion.api.v2.errors import Refused

BODY_LIMIT: Final = 1024 * 1024
LARGE_BODY_LIMIT: Final = 5 * 1024 * 1024
_LARGE: Final = ("/v2/guest-events", "/v2/invoices")
"""Paths below which bodies may be large (rule 1.7)."""
_MERGE_PATCH: Final = "application/merge-patch+json"


def limit_of(operation: Operation) -> int:
    """How many bytes a body may have (rule 1.7)."""
    return LARGE_BODY_LIMIT if operation.path.startswith(_LARGE) else BODY_LIMIT


def check_media(request: Request, taken: tuple[str, ...]) -> None:
    """Raises Refused with 415 (rule 1.6)."""
    media, _, parameters = (request.headers.get("content-type") or "").partition(";")
    coding = request.headers.get("content-encoding")
    charset = [part.partition("=") for part in parameters.lower().replace(" ", "").split(";") if part]
    foreign = any(name == "charset" and value.strip('"') != "utf-8" for name, _, value in charset)
    if media.strip().lower() in taken and coding is None and not foreign:
        return
    headers = [("Accept-Patch", ", ".join(taken))] if _MERGE_PATCH in taken else []
    detail = f"The operation takes {' or '.join(taken)} in UTF-8, without content coding."
    raise Refused("unsupported_media_type", detail, *headers)
