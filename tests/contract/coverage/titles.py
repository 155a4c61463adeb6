"""Which rules of v1 no request can prove."""

from typing import Final

NOT_BY_REQUEST: Final[dict[int, str]] = {
    95: "devices evaluate inclusions and exclusions; the server stores and returns them, which is tested",
    96: "devices decide offline; the server stores and returns the flag, which is tested",
}
"""Rules whose behaviour lies outside the server, with what is tested of them all the same."""
