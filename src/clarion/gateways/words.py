"""The words that gateways use for their answers, as labels of metrics: a closed list, so that no answer can add one.

Lists: APNs "Handling notification responses", FCM `FcmError.ErrorCode` and Google's status words, RFC 8030 by status.
"""

import re

OTHER = "other"

_APNS = """
    BadCollapseId BadDeviceToken BadExpirationDate BadMessageId BadPriority BadTopic DeviceTokenNotForTopic
    DuplicateHeaders IdleTimeout InvalidPushType MissingDeviceToken MissingTopic PayloadEmpty TopicDisallowed
    BadCertificate BadCertificateEnvironment ExpiredProviderToken Forbidden InvalidProviderToken MissingProviderToken
    UnrelatedKeyIdInToken BadEnvironmentKeyIdInToken BadPath MethodNotAllowed ExpiredToken Unregistered PayloadTooLarge
    TooManyProviderTokenUpdates TooManyRequests InternalServerError ServiceUnavailable Shutdown
"""
_FCM = """
    UNSPECIFIED_ERROR INVALID_ARGUMENT UNREGISTERED SENDER_ID_MISMATCH QUOTA_EXCEEDED UNAVAILABLE INTERNAL
    THIRD_PARTY_AUTH_ERROR UNAUTHENTICATED PERMISSION_DENIED NOT_FOUND RESOURCE_EXHAUSTED
"""
_WEBPUSH = """
    BadRequest Unauthorized Forbidden NotFound Gone PayloadTooLarge TooManyRequests ServiceUnavailable
    InvalidEndpoint MissingKeys InvalidKeys ForbiddenAddress
"""
WORDS = {kind: frozenset(text.split()) for kind, text in (("apns", _APNS), ("fcm", _FCM), ("webpush", _WEBPUSH))}

_STATUS = re.compile(r"HTTP ([1-9])\d\d")


def word_of(kind: str, reason: str) -> str:
    """The gateway's own word at the head of a reason, `HTTP 5xx` for a status without one, else `other`."""
    head = reason.partition(":")[0]
    if head in WORDS.get(kind, ()):
        return head
    status = _STATUS.fullmatch(head)
    return f"HTTP {status[1]}xx" if status else OTHER
