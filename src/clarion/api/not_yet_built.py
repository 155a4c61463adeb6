"""The one table of operations this release does not execute yet, by document.

Documents that do not stand here are executed whole. Operations that do answer 501 after authentication and scope. An
operation leaves the table in the change that binds its handler; `contract.binding.bind` fails the start when an
operation is neither bound nor listed here, or both.
"""

from typing import Final

NOT_YET_BUILT: Final[dict[str, frozenset[str]]] = {
    "v2": frozenset(
        {
            # Guests
            "listGuests",
            "createGuest",
            "getGuest",
            "updateGuest",
            "deleteGuest",
            "listGuestDevices",
            "linkGuestDevice",
            "getGuestDevice",
            "unlinkGuestDevice",
            "listGuestConsents",
            "getGuestConsent",
            "putGuestConsent",
            "listGuestTags",
            "getGuestTag",
            "putGuestTag",
            "deleteGuestTag",
            "listGuestMessages",
            "reportGuestEvents",
            # Experiences
            "listGuestExperiences",
            "listExperiences",
            "createExperience",
            "getExperience",
            "updateExperience",
            "deleteExperience",
            "dispatchExperience",
            # Screens
            "listScreens",
            "createScreen",
            "getScreen",
            "updateScreen",
            "deleteScreen",
            "listScreenExperiences",
            "createStreamTicket",
            "streamScreen",
        }
    ),
}
