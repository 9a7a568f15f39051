"""Signs addresses of images, as docs/signing.md says."""

import base64
import hashlib
import hmac
import re
import time
from urllib.parse import quote, unquote_to_bytes


def sign(key: str, path: str, expires: int = 0, grant: str = "") -> str:
    """Returns a path with a signature in it.

    The key is one of the server's, as in k1:8f0c…; expires is in seconds since 1970, 0 for never; the grant says what may be appended to
    what is returned, as in w1600s80_d3_avif-webp-jpg. Raises ValueError for what cannot be signed.
    """
    name, _, digits = key.partition(":")
    secret = bytes.fromhex(digits)
    parts = re.fullmatch(r"(/download/|/proxy/)(?:(?<=/proxy/)/*_/)?/*([^~/?#][^?#]*)", path)
    if len(secret) < 32 or not re.fullmatch("[a-z0-9]{1,8}", name) or not parts or re.search(r"%(?![0-9A-Fa-f]{2})", path):
        raise ValueError(f"not a key, or {path!r} is not the path of an image")
    route, rest = parts.groups()
    segments = [quote(unquote_to_bytes(s).decode(), safe="-._~!$&'()*+,;=:@") for s in rest.split("/") if s]
    if "." in segments or ".." in segments:
        raise ValueError(f"{path!r} has dot segments")
    rest = "/".join(segments)
    head, bounds = f"calotype1\n{name}\n{expires}\n", ""
    if grant:
        bounds = f".{grant}_n{len(segments)}"
        head = f"calotype1-bounded\n{name}\n{expires}\n{bounds[1:]}\n"
    mac = hmac.new(secret, (head + route + rest).encode(), hashlib.sha256).digest()
    code = base64.urlsafe_b64encode(mac[:16]).decode().rstrip("=")
    return f"{route}~{name}.{expires}.{code}{bounds}/{rest}"


def expiry(seconds: int, now: float | None = None) -> int:
    """Returns the end of a signature that is to be good for so many seconds, at the least: in whole days, hours or minutes, so that addresses
    stay the same for a while."""
    grid = 86400 if seconds >= 86400 else 3600 if seconds >= 3600 else 60
    end = int(time.time() if now is None else now) + seconds
    return -(-end // grid) * grid
