"""What all Structs of the v1 API are: camel case on the wire, what is not said left out.

A member that is `None` is left out; where null has a meaning of its own, `UNSET` is what leaves it out. Members that an
answer has and a Struct does not are ignored.
"""

from msgspec import Struct


class Model(Struct, omit_defaults=True, rename="camel"):
    """The base of all bodies and answers."""
