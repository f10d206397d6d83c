"""Elements in shared memory: what a type's bytes mean.

A type is given by a code of the modules array and struct ("i"), by a type of
ctypes (ctypes.c_int), or by the protocol's text for it ("int32").

    code                 type text      in Python
    ?                    bool           bool
    c                    uint8          bytes of length 1
    b h i l q            int8 … int64   int; l has 64 bits
    B H I L Q            uint8 …        int
    f d                  float32/64     float
    u                    int32          str of length 1
    (no code)            complex64/128  complex
    (any other text)     as it is       bytes of that size
"""

import re
import struct

__all__ = ["Element", "element"]

_CODES = {
    "?": "bool", "c": "uint8", "b": "int8", "B": "uint8", "h": "int16", "H": "uint16", "i": "int32", "I": "uint32",
    "l": "int64", "L": "uint64", "q": "int64", "Q": "uint64", "f": "float32", "d": "float64", "u": "int32",
}
_FORMATS = {
    "bool": "?", "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I",
    "int64": "q", "uint64": "Q", "uintptr64": "Q", "float32": "f", "float64": "d",
}
_ARRAY_CODES = set("bBhHiIlLqQfd")


class Element:
    """How elements of one type are packed. code is what array.array calls it, "" if it has none."""

    def __init__(self, text, code, size):
        self.text, self.code, self.size = text, code, size

    def pack(self, value):
        """The bytes of value. OverflowError, TypeError: it is none of the type."""
        b = bytes(memoryview(value))  # bytes alone would take a number for a length
        if len(b) != self.size:
            raise TypeError(f"an element of {self.text} has {self.size} bytes, not {len(b)}")
        return b

    def unpack(self, b):
        return b

    def unpack_many(self, b):
        return [self.unpack(b[i : i + self.size]) for i in range(0, len(b), self.size)]

    def pack_many(self, values):
        return b"".join(map(self.pack, values))


class _Number(Element):
    def __init__(self, text, code, format):
        super().__init__(text, code, struct.calcsize("<" + format))
        self.format = format

    def pack(self, value):
        try:
            return struct.pack("<" + self.format, value)
        except struct.error as e:
            if isinstance(value, int):
                raise OverflowError(f"{value} is no {self.text}") from None
            raise TypeError(f"{value!r} is no {self.text}: {e}") from None

    def unpack(self, b):
        return struct.unpack("<" + self.format, b)[0]

    def unpack_many(self, b):
        return list(struct.unpack(f"<{len(b) // self.size}{self.format}", b))


class _Bytes(Element):
    def __init__(self):
        super().__init__("uint8", "", 1)

    def pack(self, value):
        return bytes([value]) if isinstance(value, int) else super().pack(value)  # of bytes, items are numbers


class _Char(_Number):
    def __init__(self):
        super().__init__("int32", "", "i")

    def pack(self, value):
        return super().pack(ord(value))

    def unpack(self, b):
        return chr(super().unpack(b))

    def unpack_many(self, b):
        return [chr(n) for n in super().unpack_many(b)]


class _Complex(Element):
    def __init__(self, text, format):
        super().__init__(text, "", struct.calcsize("<" + format))
        self.format = format

    def pack(self, value):
        value = complex(value)
        return struct.pack("<" + self.format, value.real, value.imag)

    def unpack(self, b):
        return complex(*struct.unpack("<" + self.format, b))


_VECTOR = re.compile(r"\[(\d+)\](.*)", re.DOTALL)
_STRUCT = re.compile(r"struct\{.*\}(\d+)", re.DOTALL)


def size_of(text):
    """The bytes of an element of a type; None: its elements have no fixed size."""
    if text in _FORMATS:
        return struct.calcsize("<" + _FORMATS[text])
    if text in ("complex64", "complex128"):
        return int(text[len("complex"):]) // 8
    m = _STRUCT.fullmatch(text)
    if m:
        return int(m[1])
    m = _VECTOR.fullmatch(text)
    if m:
        size = size_of(m[2])
        return None if size is None else int(m[1]) * size
    return None


def element(kind):
    """The Element of a typecode, a type of ctypes or a type text. TypeError: it is none."""
    code = kind
    if isinstance(kind, type):
        code = getattr(kind, "_type_", None)
    if not isinstance(code, str):
        raise TypeError(f"{kind!r} is no type of elements")
    if code == "c":
        return _Bytes()
    if code == "u":
        return _Char()
    text = _CODES.get(code, code)
    if text in _FORMATS:
        if code not in _ARRAY_CODES:
            code = _FORMATS[text].replace("?", "")
        return _Number(text, code, _FORMATS[text])
    if text in ("complex64", "complex128"):
        return _Complex(text, "ff" if text == "complex64" else "dd")
    size = size_of(text)
    if size is None:
        raise TypeError(f"{kind!r} is no type of elements")
    return Element(text, "", size)
