"""Objects of types that the coordinator's program has registered."""

import os
import pickle
import subprocess
import unittest

from support import KEY, ROOT, Coordinator, TestCase, carom, scratch


class Proxy(carom.ObjectProxy):
    """As a program would write it for a type that it uses much."""

    def twice(self):
        self._callmethod("Increment")
        return self._callmethod("Increment")


class TestCustom(TestCase):
    @classmethod
    def setUpClass(cls):
        binary = os.environ.get("CAROM_TYPES_BINARY")
        if not binary:
            binary = str(scratch() / "types")
            subprocess.run(["go", "build", "-o", binary, "./clients/python/tests/types"], cwd=ROOT, check=True)
        cls.command = [binary]
        super().setUpClass()

    def test_methods(self):
        c = self.m.create("Counter", 5, 1)
        self.assertEqual((c.Increment(), c.increment(), c.get_value(), c.both()), (7, 8, 8, [8, "counter"]))
        self.assertEqual(c._callmethod("GetValue"), 8)
        self.assertFalse(hasattr(c, "nothing"))
        self.assertFalse(hasattr(c, "_private"))
        self.assertIn("GetValue", dir(c))
        self.assertRaises(carom.NotFound, c._callmethod, "nothing")
        self.assertRaises(carom.TypeMismatch, c.increment, 1)
        self.assertRaises(TypeError, c.increment, by=1)
        self.assertRegex(repr(c), "<ObjectProxy object, typeid 'Counter' at .*>")

    def test_errors(self):
        c = self.m.create("Counter")
        with self.assertRaises(carom.RemoteError) as e:
            c.fail("because")
        self.assertEqual((e.exception.type, e.exception.method, e.exception.message), ("Counter", "Fail", "because"))
        self.assertEqual(str(e.exception), "Counter.Fail: because")
        self.assertRaises(carom.NotFound, c.missing)
        self.assertRaisesRegex(carom.RemoteError, "at the disco", c.panic)
        self.assertEqual(c.get_value(), 0)
        self.assertRaisesRegex(carom.RemoteError, "below zero", self.m.create, "Counter", -1)
        self.assertRaises(carom.NotFound, self.m.create, "Nothing")

    def test_sequences(self):
        c = self.m.create("Counter")
        self.assertEqual(list(c.squares.iterate(5)), [0, 1, 4, 9, 16])
        it = c.squares.iterate(1 << 40)
        self.assertEqual([next(it), next(it)], [0, 1])
        del it
        self.assertRaises(carom.TypeMismatch, c.squares, 5)
        self.assertEqual(c.increment(), 1)

    def test_objects_that_methods_make(self):
        before = len(self.m.objects())
        c = self.m.create("Counter")
        child = c.child()
        child.increment()
        self.assertEqual(c.child().get_value(), 1)
        self.assertEqual(pickle.loads(pickle.dumps(child)).get_value(), 1)
        l = self.m.list()
        child.put(l)
        self.assertEqual(l[:], [1])
        l.append(child)
        self.assertEqual(l[1].increment(), 2)
        del child, l, c
        self.m.close()
        self.assertEqual(len(self.connect().objects()), before)

    def test_a_coordinator_with_another_codec(self):
        c = Coordinator("-json", command=self.command)
        self.addCleanup(c.stop)
        with carom.connect(c.address, KEY) as m:
            self.assertRaises(carom.TypeMismatch, m.create, "Counter", 1)
            self.assertRaisesRegex(carom.TypeMismatch, "json", m.create("Counter")._callmethod, "Increment")
            self.assertEqual(m.dict(a=1)["a"], 1)

    def test_proxies_of_ones_own(self):
        self.assertFalse(hasattr(self.m, "Counter"))
        self.m.register("Counter", Proxy)
        c = self.m.Counter(3, name="c")
        self.assertEqual((c.twice(), c.get_value()), (5, 5))
        self.assertEqual(self.m.list([c])[0].twice(), 7)
        self.assertEqual(self.m.open("Counter", "c").twice(), 9)
        self.assertEqual(self.connect().open("Counter", "c").get_value(), 9)
        self.m.remove(c)


if __name__ == "__main__":
    unittest.main()
