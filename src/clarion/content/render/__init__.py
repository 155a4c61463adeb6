"""From a message's languages to the bytes a gateway takes: fixed parts once, personal parts per device."""

from clarion.content.render.renderer import Renderer, oversize

__all__ = ["Renderer", "oversize"]
