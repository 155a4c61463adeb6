"""From a message's languages to the bytes a gateway takes: fixed parts once, personal parts per device."""

from clarion.content.render.fitness import unsendable
from clarion.content.render.renderer import DELIVERY, NOTHING, Renderer, Scalar, Version, as_text

__all__ = ["DELIVERY", "NOTHING", "Renderer", "Scalar", "Version", "as_text", "unsendable"]
