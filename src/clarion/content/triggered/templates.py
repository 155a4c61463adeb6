"""In-app templates as applications declare them: what kind of look they are, and what a message must give them.

The details of such a declaration are `{"kind": "banner", "required": ["title", "inAnimation"]}`, both members optional.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from clarion.apps.model import Declaration
from clarion.base.errors import Finding
from clarion.content.triggered.model import Custom, Landing

_ATTRIBUTES = {"inAnimation": "in_animation", "outAnimation": "out_animation"}
_OF_LANDING = frozenset({"title", "body", "url"})


class TemplateDetails(Struct, frozen=True):
    """What is known of a declared in-app template: whether it is a banner or a full screen, and which members of a
    custom in-app are mandatory with it (v1 rule 91)."""

    kind: Literal["banner", "interstitial"] = "banner"
    required: tuple[Literal["title", "body", "url", "autoclose", "inAnimation", "outAnimation", "action"], ...] = ()


def check_details(details: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with the details of an in-app template that is to be declared (code `template_details`)."""
    try:
        msgspec.convert(details, TemplateDetails)
    except msgspec.ValidationError as error:
        wanted = "`kind` (banner or interstitial) and `required`, a list of members of a custom in-app"
        return [Finding("/details", "template_details", f"Details of an in-app template are {wanted}: {error}.")]
    return []


def missing(declared: Declaration, used: Custom | Landing) -> list[str]:
    """The attributes that the template demands and its user does not give; a landing page owes only what it can have.

    A declaration whose details do not read demands nothing.
    """
    try:
        required = msgspec.convert(declared.details, TemplateDetails).required
    except msgspec.ValidationError:
        return []
    names = (name for name in required if isinstance(used, Custom) or name in _OF_LANDING)
    wanted = (_ATTRIBUTES.get(name, name) for name in names)
    return [name for name in wanted if getattr(used, name) in (None, "")]
