"""The encoding, against the examples of RFC 8949 and the protocol's vectors."""

import datetime
import math
import unittest

from support import ROOT

from carom import cbor

# RFC 8949, appendix A, without those that are not deterministic.
EXAMPLES = [
    (0, "00"), (1, "01"), (10, "0a"), (23, "17"), (24, "1818"), (25, "1819"), (100, "1864"), (1000, "1903e8"),
    (1000000, "1a000f4240"), (1000000000000, "1b000000e8d4a51000"),
    (18446744073709551615, "1bffffffffffffffff"), (18446744073709551616, "c249010000000000000000"),
    (-18446744073709551616, "3bffffffffffffffff"), (-18446744073709551617, "c349010000000000000000"),
    (-1, "20"), (-10, "29"), (-100, "3863"), (-1000, "3903e7"),
    (0.0, "f90000"), (-0.0, "f98000"), (1.0, "f93c00"), (1.1, "fb3ff199999999999a"), (1.5, "f93e00"),
    (65504.0, "f97bff"), (100000.0, "fa47c35000"), (3.4028234663852886e+38, "fa7f7fffff"),
    (1.0e+300, "fb7e37e43c8800759c"), (5.960464477539063e-8, "f90001"), (0.00006103515625, "f90400"),
    (-4.0, "f9c400"), (-4.1, "fbc010666666666666"), (math.inf, "f97c00"), (math.nan, "f97e00"), (-math.inf, "f9fc00"),
    (False, "f4"), (True, "f5"), (None, "f6"),
    (datetime.datetime(2013, 3, 21, 20, 4, tzinfo=datetime.timezone.utc),
     "c074323031332d30332d32315432303a30343a30305a"),
    (cbor.Tag(1, 1363896240), "c11a514b67b0"), (cbor.Tag(1, 1363896240.5), "c1fb41d452d9ec200000"),
    (cbor.Tag(23, bytes.fromhex("01020304")), "d74401020304"),
    (cbor.Tag(24, bytes.fromhex("6449455446")), "d818456449455446"),
    (cbor.Tag(32, "http://www.example.com"), "d82076687474703a2f2f7777772e6578616d706c652e636f6d"),
    (b"", "40"), (bytes.fromhex("01020304"), "4401020304"),
    ("", "60"), ("a", "6161"), ("IETF", "6449455446"), ("\"\\", "62225c"), ("\u00fc", "62c3bc"), ("\u6c34", "63e6b0b4"),
    ("\U00010151", "64f0908591"),
    ([], "80"), ([1, 2, 3], "83010203"), ([1, [2, 3], [4, 5]], "8301820203820405"),
    (list(range(1, 26)), "98190102030405060708090a0b0c0d0e0f101112131415161718181819"),
    ({}, "a0"), ({1: 2, 3: 4}, "a201020304"), ({"a": 1, "b": [2, 3]}, "a26161016162820203"),
    (["a", {"b": "c"}], "826161a161626163"),
    ({"a": "A", "b": "B", "c": "C", "d": "D", "e": "E"}, "a56161614161626142616361436164614461656145"),
]

MALFORMED = [
    "", "18", "1c", "19 00", "41", "6261", "81", "a1", "a101", "5f42010243030405ff", "9fff", "bfff", "ff", "c0", "f8",
    "f818", "f0", "fc", "00 00", "9bffffffffffffffff", "5bffffffffffffffff", "c06161", "a1a000",
]


def same(a, b):
    return repr(a) == repr(b) and type(a) is type(b)


class TestExamples(unittest.TestCase):
    def test_encode(self):
        for value, want in EXAMPLES:
            with self.subTest(value=value):
                self.assertEqual(cbor.encode(value).hex(), want)

    def test_decode(self):
        for value, data in EXAMPLES:
            with self.subTest(data=data):
                got = cbor.decode(bytes.fromhex(data))
                self.assertTrue(same(got, value), f"{got!r}, want {value!r}")

    def test_malformed(self):
        for data in MALFORMED:
            with self.subTest(data=data):
                self.assertRaises(cbor.DecodeError, cbor.decode, bytes.fromhex(data))


class TestValues(unittest.TestCase):
    def test_maps_are_sorted_by_the_bytes_of_their_keys(self):
        # The example of section 4.2.1.
        keys = [False, (-1,), (100,), "aa", "z", -1, 100, 10]
        got = cbor.decode(cbor.encode({k: None for k in keys}))
        self.assertEqual(list(got), [10, 100, -1, "z", "aa", (100,), (-1,), False])

    def test_keys_that_are_arrays_are_tuples(self):
        value = {(1, ("a", b"b")): [1, (2,)]}
        self.assertEqual(cbor.decode(cbor.encode(value)), {(1, ("a", b"b")): [1, [2]]})

    def test_times(self):
        east = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
        for value, text in [
            (datetime.datetime(2024, 2, 29, 12, 0, 1, 500000, east), "2024-02-29T12:00:01.5+05:30"),
            (datetime.datetime(33, 4, 3, tzinfo=datetime.timezone(-datetime.timedelta(hours=8))), "0033-04-03T00:00:00-08:00"),
            (datetime.datetime(2024, 1, 1, microsecond=1, tzinfo=datetime.timezone.utc), "2024-01-01T00:00:00.000001Z"),
        ]:
            b = cbor.encode(value)
            self.assertEqual(cbor.decode(b[1:]), text)
            self.assertEqual(cbor.decode(b), value)
            self.assertEqual(cbor.decode(b).utcoffset(), value.utcoffset())
        nanos = cbor.decode(cbor.encode(cbor.Tag(0, "2024-01-01T00:00:00.123456789Z")))
        self.assertEqual(nanos.microsecond, 123456)
        self.assertRaises(ValueError, cbor.encode, datetime.datetime(2024, 1, 1))

    def test_texts_keep_bytes_that_are_no_text(self):
        item = bytes.fromhex("62ff61")
        self.assertEqual(cbor.encode(cbor.decode(item)), item)

    def test_subclasses_and_views(self):
        class Number(int):
            pass

        self.assertEqual(cbor.encode(Number(7)), b"\x07")
        self.assertEqual(cbor.encode(bytearray(b"a")), cbor.encode(memoryview(b"a")))
        for value in (object(), {1, 2}, print, 1j):
            self.assertRaises(TypeError, cbor.encode, value)

    def test_objects_that_encode_themselves(self):
        class Point:
            def __cbor__(self):
                return cbor.Tag(1000, [1, 2])

        data = cbor.encode({"p": Point()})
        self.assertEqual(cbor.decode(data), {"p": cbor.Tag(1000, [1, 2])})
        self.assertEqual(cbor.decode(data, {1000: sum}), {"p": 3})


class TestVectors(unittest.TestCase):
    def test_every_frame_is_encoded_as_the_coordinator_does(self):
        path = ROOT / "coord" / "testdata" / "vectors.txt"
        lines = path.read_text().splitlines()
        self.assertGreater(len(lines), 10)
        for line in lines:
            name, _, data = line.partition(": ")
            with self.subTest(name=name):
                frame = bytes.fromhex(data)
                self.assertEqual(int.from_bytes(frame[:4], "big"), len(frame) - 4)
                self.assertEqual(cbor.encode(cbor.decode(frame[4:])), frame[4:])


if __name__ == "__main__":
    unittest.main()
