"""From a message's languages to the bytes a gateway takes: fixed parts once, personal parts per device."""

from clarion.content.render.fitness import unsendable
from clarion.content.render.renderer import DELIVERY, Renderer

__all__ = ["DELIVERY", "Renderer", "unsendable"]
