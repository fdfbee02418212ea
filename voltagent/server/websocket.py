"""The server's side of the WebSocket protocol (RFC 6455): the handshake, and frames from and to bytes.

No connection and no clock in here. Everything is bounded before it is kept, and whatever a client sends, the answer is
messages or a :class:`ProtocolError` with the code to close with. No extension is offered, so none is in use.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping
from hashlib import sha1
from typing import Final, NamedTuple

__all__ = ["BINARY", "CLOSE", "LARGEST", "PING", "PONG", "TEXT", "Incoming", "Message", "ProtocolError", "accept",
           "close_frame", "frame"]  # fmt: skip

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
_OPCODES: Final = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))

LARGEST: Final = 64 * 2**10  # bytes of one message from a client, all its fragments together
_LARGEST_CONTROL: Final = 125  # section 5.5
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3
_NORMAL: Final = 1000
_BROKEN: Final = 1002
_NO_TEXT: Final = 1007
_TOO_LARGE: Final = 1009
# Section 7.4: what may stand in a close frame, besides 3000 to 4999 for libraries and applications.
_CODES: Final = frozenset((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014))


class ProtocolError(Exception):
    """A client broke the protocol; ``code`` is what to close the connection with."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Message(NamedTuple):
    """A whole message, or a control frame, from a client."""

    opcode: int  # TEXT, BINARY, CLOSE, PING or PONG
    payload: bytes  # valid UTF-8 where it is TEXT; of CLOSE the code and the reason


# ------------------------------------------------------------------------------------------------------------ handshake


def accept(headers: Mapping[str, str]) -> dict[str, str] | None:
    """The headers of the answer 101 to an opening handshake (its names in lower case); ``None`` where it is none."""
    key = headers.get("sec-websocket-key", "").strip()
    if (
        "websocket" not in _tokens(headers.get("upgrade", ""))
        or "upgrade" not in _tokens(headers.get("connection", ""))
        or headers.get("sec-websocket-version", "").strip() != "13"
        or not _is_key(key)
    ):
        return None
    digest = sha1(key.encode() + _GUID, usedforsecurity=False).digest()
    return {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": b64encode(digest).decode()}


def _tokens(header: str) -> set[str]:
    return {token.strip().lower() for token in header.split(",")}


def _is_key(key: str) -> bool:
    try:
        return len(b64decode(key, validate=True)) == 16
    except (Base64Error, ValueError):
        return False


# -------------------------------------------------------------------------------------------------------------- sending


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole, unmasked frame, as a server sends it."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, size))
    elif size < 2**16:
        head = bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big")
    return head + payload


def close_frame(code: int = _NORMAL) -> bytes:
    """The frame that closes a connection."""
    return frame(CLOSE, code.to_bytes(2, "big"))


# ------------------------------------------------------------------------------------------------------------ receiving


class _Head(NamedTuple):
    """The start of a frame."""

    final: bool
    opcode: int
    size: int
    mask: bytes
    length: int  # of the head itself


class Incoming:
    """The messages in a client's bytes, however these are cut."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._parts = bytearray()  # of a message in fragments
        self._opcode = CONTINUATION  # what that message is; CONTINUATION where there is none

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are whole now. After a CLOSE nothing more is read.

        Raises:
            ProtocolError: the client broke the protocol; the connection must be closed.
        """
        self._buffer += data
        while (head := _head(self._buffer)) is not None:
            self._check(head)
            whole = head.length + head.size
            if len(self._buffer) < whole:
                return
            payload = _unmasked(bytes(self._buffer[head.length : whole]), head.mask)
            del self._buffer[:whole]
            message = _control(head, payload) if head.opcode >= CLOSE else self._joined(head, payload)
            if message is not None:
                yield message
                if message.opcode == CLOSE:
                    return

    def _check(self, head: _Head) -> None:
        """What can be known before the payload is there."""
        if head.opcode >= CLOSE:
            if not head.final or head.size > _LARGEST_CONTROL:
                raise ProtocolError(_BROKEN, "a control frame is one frame of at most 125 bytes")
            return
        if len(self._parts) + head.size > LARGEST:
            raise ProtocolError(_TOO_LARGE, f"a message may have {LARGEST} bytes")
        if (head.opcode == CONTINUATION) != (self._opcode != CONTINUATION):
            raise ProtocolError(_BROKEN, "a continuation belongs to a message that has begun, and nothing else does")

    def _joined(self, head: _Head, payload: bytes) -> Message | None:
        self._opcode = self._opcode or head.opcode
        self._parts += payload
        if not head.final:
            return None
        message = Message(self._opcode, bytes(self._parts))
        self._opcode = CONTINUATION
        self._parts.clear()
        if message.opcode == TEXT:
            _check_text(message.payload)
        return message


def _head(buffer: bytearray) -> _Head | None:
    """The head of the frame that the buffer begins with; ``None`` while it is not whole."""
    if len(buffer) < 2:
        return None
    first, second = buffer[0], buffer[1]
    opcode, short = first & 0x0F, second & 0x7F
    if first & 0x70 or opcode not in _OPCODES:
        raise ProtocolError(_BROKEN, "a frame uses bits or an opcode that nothing was agreed on")
    if not second & 0x80:
        raise ProtocolError(_BROKEN, "a client's frames must be masked")
    extra = {126: 2, 127: 8}.get(short, 0)
    length = 2 + extra + 4
    if len(buffer) < length:
        return None
    size = int.from_bytes(buffer[2 : 2 + extra], "big") if extra else short
    if size >= 2**63 or (extra == 2 and size < 126) or (extra == 8 and size < 2**16):
        raise ProtocolError(_BROKEN, "a length must be in its shortest form")
    return _Head(bool(first & 0x80), opcode, size, bytes(buffer[2 + extra : length]), length)


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    repeated = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")


def _control(head: _Head, payload: bytes) -> Message:
    if head.opcode == CLOSE and payload:
        code = int.from_bytes(payload[:2], "big")
        if len(payload) < 2 or not (code in _CODES or 3000 <= code < 5000):
            raise ProtocolError(_BROKEN, "a close frame has no such code")
        _check_text(payload[2:])
    return Message(head.opcode, payload)


def _check_text(payload: bytes) -> None:
    try:
        payload.decode()
    except UnicodeDecodeError as fault:
        raise ProtocolError(_NO_TEXT, "a text must be UTF-8") from fault
