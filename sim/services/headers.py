"""Which headers go on and which stop at the edge.

The edge reads a request to its end and frames it anew, so nothing that describes a
connection or a framing may pass: a header that Hydra reads and the edge does not is how one
request becomes two. `Host` goes on as the client sent it, because Hydra's issuer is a name.
"""

from __future__ import annotations

from multidict import CIMultiDict, CIMultiDictProxy

HOP_BY_HOP = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
    "trailer", "trailers", "transfer-encoding", "upgrade", "http2-settings",
})
"""Source: RFC 9110 7.6.1, and the older names still met in the field."""

_REQUEST_STOPS = HOP_BY_HOP | {
    "content-length", "expect", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
    "x-forwarded-port", "x-forwarded-prefix", "x-real-ip", "x-original-url", "x-rewrite-url",
    "x-http-method-override", "x-http-method", "x-method-override",
}
_ANSWER_STOPS = HOP_BY_HOP | {"content-length", "date", "server"}
_OURS = "rehearse-"


class BadFraming(ValueError):
    """The request's headers contradict each other; answer 400."""


def check_framing(headers: CIMultiDictProxy[str]) -> None:
    """Refuse what two readers could frame differently.

    Raises BadFraming for a doubled Host, Content-Length, Transfer-Encoding or Content-Type, for length
    and chunks together, for a transfer coding other than chunked, an Upgrade, a content coding, and
    for names or values with characters a header can't hold.
    """
    for name in ("Host", "Content-Length", "Transfer-Encoding", "Content-Type", "Authorization"):
        if len(headers.getall(name, ())) > 1:
            raise BadFraming(f"{name} stands twice")
    if not headers.get("Host"):
        raise BadFraming("no Host")
    coding = headers.get("Transfer-Encoding")
    if coding is not None and ("Content-Length" in headers or coding.strip().lower() != "chunked"):
        raise BadFraming("the body's end is told in two ways")
    length = headers.get("Content-Length")
    if length is not None and not (length.isascii() and length.isdigit()):
        raise BadFraming("Content-Length is not a number")
    if "Upgrade" in headers:
        raise BadFraming("no other protocol is spoken here")
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BadFraming("a coded body is not read here")


def _named(headers: CIMultiDictProxy[str] | CIMultiDict[str]) -> frozenset[str]:
    named = headers.getall("Connection", ())
    if not named:
        return frozenset()
    return frozenset(word.strip().lower() for line in named for word in line.split(","))


def request_headers(headers: CIMultiDictProxy[str], *, peer: str) -> CIMultiDict[str]:
    """The headers to send to Hydra: the client's own, what is ours to say added.

    Forwarding headers of the client are dropped, it may claim anything; the edge says whom it
    saw. `Host` is the client's.
    """
    named = _named(headers)
    sent: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        low = name.lower()
        if low not in _REQUEST_STOPS and low not in named and not low.startswith(_OURS):
            sent.add(name, value)
    sent["Host"] = headers.get("Host", "")  # even if `Connection: host` named it
    sent["X-Forwarded-For"] = peer
    sent["X-Forwarded-Proto"] = "http"
    sent["X-Forwarded-Host"] = sent["Host"]
    return sent


def answer_headers(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """The headers of Hydra's answer that go on to the client."""
    named = _named(headers)
    kept: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        low = name.lower()
        if low not in _ANSWER_STOPS and low not in named and not low.startswith(_OURS):
            kept.add(name, value)
    return kept
