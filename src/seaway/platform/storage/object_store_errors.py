"""What an object store's refusal means and what to do about it. Of its own words only the code is repeated.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from seaway.platform.errors import PlatformError, StorageFull, Unavailable


class Cause(NamedTuple):
    """Why a request failed."""

    why: str
    remedy: str
    kind: type[PlatformError] = Unavailable


NO_BUCKET = Cause(
    "the bucket does not exist", "Create the bucket, or correct its name in the artifacts' URL."
)
REFUSED = Cause(
    "access is refused",
    "Allow the server's key to read, write, delete and list in this bucket (s3:GetObject, s3:PutObject, s3:DeleteObject, "
    "s3:ListBucket, s3:AbortMultipartUpload).",
)
WRONG_KEYS = Cause(
    "the access key or the secret key is wrong",
    "Correct the server's access key and secret key (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY).",
)
EXPIRED = Cause("the session token is not valid any more", "Give the server new keys.")
SKEWED = Cause(
    "its clock and this machine's are too far apart",
    "Correct the time of the machine that is wrong; more than 15 minutes are refused.",
)
WRONG_REGION = Cause(
    "the bucket lies in another region", "Name the bucket's region to the server (AWS_REGION)."
)
FULL = Cause("there is no room left", "Free space in the object store, or raise its quota.", StorageFull)
BUSY = Cause("it is overloaded or failing", "Try again; if it lasts, look at the object store's own log.")
UNREACHABLE = Cause(
    "it cannot be reached",
    "Check that the object store runs, that its address is right (AWS_ENDPOINT_URL_S3), and that the server may connect to it.",
)
SLOW = Cause("it did not answer in time", "Check the object store and the network to it, then try again.")
UNTRUSTED = Cause(
    "no trusted TLS connection to it is possible",
    "Name the file of the authority that signed its certificate (AWS_CA_BUNDLE), and its host as the certificate does; "
    "where it speaks no TLS, write its address with http://.",
)
NO_KEYS = Cause(
    "the server has no keys for it",
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the server's machine or service account a role.",
)
UNKNOWN = Cause("it refused the request", "Look at the object store's own log for the request at this time.")

_CODES = {
    **dict.fromkeys(("NoSuchBucket", "InvalidBucketName"), NO_BUCKET),
    **dict.fromkeys(("AccessDenied", "AllAccessDisabled", "AccountProblem", "403"), REFUSED),
    **dict.fromkeys(("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSecurity", "NotSignedUp"), WRONG_KEYS),
    **dict.fromkeys(("ExpiredToken", "InvalidToken", "TokenRefreshRequired"), EXPIRED),
    **dict.fromkeys(("RequestTimeTooSkewed", "RequestExpired"), SKEWED),
    **dict.fromkeys(
        (
            "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "Redirect", "301", "307",
            "IllegalLocationConstraintException", "InvalidRegion",
        ),
        WRONG_REGION,
    ),
    **dict.fromkeys(
        (
            "QuotaExceeded", "InsufficientStorage", "InsufficientCapacity", "XMinioStorageFull", "StorageFull", "507",
            "XMinioAdminBucketQuotaExceeded", "EntityTooLarge",
        ),
        FULL,
    ),
    **dict.fromkeys(
        ("SlowDown", "ServiceUnavailable", "InternalError", "OperationAborted", "429", "500", "502", "503", "504"),
        BUSY,
    ),
    **dict.fromkeys(("RequestTimeout", "408"), SLOW),
}  # fmt: skip
_TYPES = {
    "SSLError": UNTRUSTED,
    "ConnectTimeoutError": UNREACHABLE,
    "EndpointConnectionError": UNREACHABLE,
    "ProxyConnectionError": UNREACHABLE,
    "ReadTimeoutError": SLOW,
    "FSTimeoutError": SLOW,
    "TimeoutError": SLOW,
    "ConnectionClosedError": BUSY,
    "HTTPClientError": UNREACHABLE,
    "ClientPayloadError": BUSY,
    "NoCredentialsError": NO_KEYS,
    "PartialCredentialsError": NO_KEYS,
    "CredentialRetrievalError": NO_KEYS,
    "TokenRetrievalError": NO_KEYS,
    "NoRegionError": WRONG_REGION,
    "PermissionError": REFUSED,
}
"""Names of exceptions of botocore, aiohttp and fsspec, the more exact ones of a family first."""


def code_of(error: BaseException) -> str:
    """Return the code of the object store's answer, for example "NoSuchBucket", or "" where it gave none."""
    seen: BaseException | None = error
    while seen is not None:
        response = getattr(seen, "response", None)
        if isinstance(response, dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
            return str(response.get("Error", {}).get("Code") or status)
        seen = seen.__cause__
    return ""


def cause_of(error: BaseException) -> Cause:
    """Return what an exception of the object store's client means."""
    code = code_of(error)
    if code:
        return _CODES.get(code, UNKNOWN)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return FULL
    families = [family.__name__ for family in type(error).__mro__]
    return next((cause for name, cause in _TYPES.items() if name in families), UNKNOWN)


@contextmanager
def object_store_errors(place: str) -> Iterator[None]:
    """Raise a PlatformError in place of what the object store or its client says inside the block.

    The exception behind it is left out: an object store's text may repeat the key, and the signature that was made with it.
    """
    try:
        yield
    except (PlatformError, ImportError):
        raise
    except Exception as error:
        cause = cause_of(error)
        shown = code_of(error) or type(error).__name__
        raise cause.kind(
            f"artifacts cannot be kept in {place}: {cause.why} ({shown})", remedy=cause.remedy
        ) from None
