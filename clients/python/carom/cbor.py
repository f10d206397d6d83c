"""CBOR (RFC 8949) in its deterministic encoding, section 4.2.

The coordinator compares keys of dicts and items of lists by their bytes, so
equal values have to become equal bytes: integers, lengths and floats are as
short as possible, lengths definite, maps sorted by the bytes of their keys.

    None, bool, int of any size, float, str, bytes, bytearray, memoryview,
    list and tuple, dict, datetime with an offset, Tag

A tuple comes back as a list, except in a key, and what is no item of CBOR is
a TypeError.
"""

import datetime
import re
import struct

__all__ = ["Tag", "Encoded", "DecodeError", "encode", "decode", "Decoder"]


class DecodeError(ValueError):
    """The bytes are not one well-formed item."""


class Tag:
    """A tagged item of which this module knows nothing more."""

    __slots__ = ("number", "value")

    def __init__(self, number, value):
        self.number = number
        self.value = value

    def __eq__(self, other):
        if not isinstance(other, Tag):
            return NotImplemented
        return (self.number, self.value) == (other.number, other.value)

    def __hash__(self):
        return hash((self.number, self.value))

    def __repr__(self):
        return f"Tag({self.number}, {self.value!r})"


class Encoded:
    """An item that is encoded already; it is encoded as it is."""

    __slots__ = ("data",)

    def __init__(self, data):
        self.data = data


# --- encoding

_NAN = b"\xf9\x7e\x00"


def encode(value):
    """The item of value.

    An object with a method __cbor__ is encoded as what that returns.
    TypeError: CBOR has nothing for it. ValueError: a time without an offset.
    """
    out = bytearray()
    _put(out, value)
    return bytes(out)


def _head(out, major, n):
    major <<= 5
    if n < 24:
        out.append(major | n)
    elif n < 0x100:
        out.append(major | 24)
        out.append(n)
    elif n < 0x10000:
        out.append(major | 25)
        out += n.to_bytes(2, "big")
    elif n < 0x100000000:
        out.append(major | 26)
        out += n.to_bytes(4, "big")
    else:
        out.append(major | 27)
        out += n.to_bytes(8, "big")


def _put(out, v):
    put = _PUT.get(type(v))
    if put is None:
        put = _put_for(v)
    put(out, v)


def _put_for(v):
    if hasattr(type(v), "__cbor__"):
        return _put_object
    for base, put in _PUT.items():
        if isinstance(v, base):
            return put
    raise TypeError(f"{type(v).__name__} cannot be encoded: CBOR has nothing for it")


def _put_object(out, v):
    _put(out, v.__cbor__())


def _put_none(out, v):
    out.append(0xF6)


def _put_bool(out, v):
    out.append(0xF5 if v else 0xF4)


def _put_int(out, v):
    if v >= 0:
        major, n = 0, v
    else:
        major, n = 1, -1 - v
    if n.bit_length() <= 64:
        _head(out, major, n)
        return
    out.append(0xC2 + major)
    b = n.to_bytes((n.bit_length() + 7) // 8, "big")
    _head(out, 2, len(b))
    out += b


def _put_float(out, v):
    if v != v:
        out += _NAN
        return
    for code, first in (("e", 0xF9), ("f", 0xFA)):
        try:
            b = struct.pack(">" + code, v)
        except OverflowError:
            continue
        if struct.unpack(">" + code, b)[0] == v:
            out.append(first)
            out += b
            return
    out.append(0xFB)
    out += struct.pack(">d", v)


def _put_bytes(out, v):
    b = bytes(v)
    _head(out, 2, len(b))
    out += b


def _put_text(out, v):
    # Other languages' strings may hold any bytes: what came in goes out.
    b = v.encode("utf-8", "surrogateescape")
    _head(out, 3, len(b))
    out += b


def _put_list(out, v):
    _head(out, 4, len(v))
    for item in v:
        _put(out, item)


def _put_dict(out, v):
    _head(out, 5, len(v))
    pairs = [(encode(k), item) for k, item in v.items()]
    pairs.sort(key=_first)
    for key, item in pairs:
        out += key
        _put(out, item)


def _first(pair):
    return pair[0]


def _put_time(out, v):
    offset = v.utcoffset()
    if offset is None:
        raise ValueError(f"{v!r} has no offset from UTC: say which time it is, as with .astimezone()")
    text = v.strftime("%Y").zfill(4) + v.strftime("-%m-%dT%H:%M:%S")
    if v.microsecond:
        text += f".{v.microsecond:06d}".rstrip("0")
    seconds = offset.days * 86400 + offset.seconds
    if seconds % 60 or offset.microseconds:
        raise ValueError(f"{v!r} has an offset that is no number of minutes")
    if seconds:
        hours, minutes = divmod(abs(seconds) // 60, 60)
        text += f"{'-' if seconds < 0 else '+'}{hours:02d}:{minutes:02d}"
    else:
        text += "Z"
    out.append(0xC0)
    _put_text(out, text)


def _put_tag(out, v):
    _head(out, 6, v.number)
    _put(out, v.value)


def _put_encoded(out, v):
    out += v.data


_PUT = {
    type(None): _put_none,
    bool: _put_bool,
    int: _put_int,
    float: _put_float,
    str: _put_text,
    bytes: _put_bytes,
    bytearray: _put_bytes,
    memoryview: _put_bytes,
    list: _put_list,
    tuple: _put_list,
    dict: _put_dict,
    datetime.datetime: _put_time,
    Tag: _put_tag,
    Encoded: _put_encoded,
}


# --- decoding


def decode(data, tags=None):
    """The value of the one item in data.

    tags maps numbers of tags to functions of their content; a tag that it
    does not name becomes a Tag. DecodeError: data is no well-formed item.
    """
    d = Decoder(data, tags)
    v = d.item()
    if d.pos != len(data):
        raise DecodeError(f"{len(data) - d.pos} bytes after the item")
    return v


class Decoder:
    """Decodes items one after the other; pos is where the next begins."""

    def __init__(self, data, tags=None, pos=0):
        self.data = data
        self.tags = tags or {}
        self.pos = pos

    def head(self):
        """The major type and the argument of the next item's head."""
        try:
            first = self.data[self.pos]
        except IndexError:
            raise DecodeError("the item is cut short") from None
        self.pos += 1
        n = first & 31
        if n >= 24:
            if n > 27:
                raise DecodeError(f"a head of {first:#04x}")
            n = int.from_bytes(self.take(1 << (n - 24)), "big")
        return first >> 5, n

    def take(self, n):
        """The next n bytes."""
        end = self.pos + n
        if end > len(self.data):
            raise DecodeError("the item is cut short")
        b = bytes(self.data[self.pos : end])
        self.pos = end
        return b

    def array(self):
        """The length of the array that comes next."""
        major, n = self.head()
        if major != 4:
            raise DecodeError(f"an item of major type {major}, wanted an array")
        return n

    def null(self):
        """Reports whether null comes next, and skips it."""
        if self.data[self.pos : self.pos + 1] != b"\xf6":
            return False
        self.pos += 1
        return True

    def item(self, key=False):
        """The next item; with key, as something that can be a key."""
        start = self.pos
        major, n = self.head()
        if major == 0:
            return n
        if major == 1:
            return -1 - n
        if major == 2:
            return self.take(n)
        if major == 3:
            return self.take(n).decode("utf-8", "surrogateescape")
        if major == 4:
            items = [self.item(key) for _ in range(self.count(n))]
            return tuple(items) if key else items
        if major == 5:
            return self.map(n, key)
        if major == 6:
            return self.tag(n, key)
        return self.simple(self.data[start] & 31, n)

    def count(self, n):
        if n > len(self.data) - self.pos:  # each takes a byte at least
            raise DecodeError("the item is cut short")
        return n

    def map(self, n, key):
        if key:
            raise DecodeError("a map in a key, which no Python dict can have")
        m = {}
        for _ in range(self.count(n)):
            k = self.item(True)
            m[k] = self.item()
        return m

    def simple(self, info, n):
        if info < 24:
            if n == 20:
                return False
            if n == 21:
                return True
            if n in (22, 23):  # undefined, too
                return None
        elif info > 24:
            code = "efd"[info - 25]
            return struct.unpack(">" + code, n.to_bytes(1 << (info - 24), "big"))[0]
        raise DecodeError(f"the simple value {n}")

    def tag(self, n, key):
        v = self.item(key)
        if n in (2, 3) and isinstance(v, bytes):
            m = int.from_bytes(v, "big")
            return m if n == 2 else -1 - m
        if n == 0 and isinstance(v, str):
            return _time(v)
        made = self.tags.get(n)
        return made(v) if made else Tag(n, v)


_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))"
)


def _time(text):
    m = _RFC3339.fullmatch(text)
    if not m:
        raise DecodeError(f"{text!r} is no time of RFC 3339")
    micros = int((m[7] or "").ljust(6, "0")[:6])  # Python has no nanoseconds
    zone = datetime.timezone.utc
    if m[8]:
        minutes = int(m[9]) * 60 + int(m[10])
        if minutes:
            zone = datetime.timezone(datetime.timedelta(minutes=-minutes if m[8] == "-" else minutes))
    try:
        return datetime.datetime(*(int(m[i]) for i in range(1, 7)), micros, zone)
    except ValueError as e:
        raise DecodeError(f"{text!r}: {e}") from None
