"""Connecting, and what happens when the other end goes."""

import gc
import hashlib
import multiprocessing
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest
import weakref
from unittest import mock

from support import KEY, LONG, ROOT, Coordinator, TestCase, carom, scratch

from carom import cbor, connection, handshake


class TestErrors(TestCase):
    def test_a_wrong_key(self):
        with self.assertRaises(carom.AuthError) as e:
            carom.connect(self.coordinator.address, b"another key")
        self.assertIsInstance(e.exception, multiprocessing.AuthenticationError)
        self.assertEqual(e.exception.code, "auth")
        self.assertRaises(TypeError, carom.connect, self.coordinator.address, "text")

    def test_nobody_there(self):
        for address in ("unix:///nowhere/at/all", "tcp://127.0.0.1:1"):
            with self.assertRaises(carom.Unavailable) as e:
                carom.connect(address, KEY)
            self.assertIsInstance(e.exception, ConnectionError)
        for address in ("nowhere", "http://localhost:1", "tcp://localhost", "unix://relative"):
            self.assertRaises(ValueError, carom.connect, address, KEY)

    def test_plaintext_stays_on_the_machine(self):
        for address in ("tcp://192.0.2.1:7", "tcp://[2001:db8::1]:7", "tcp://example.org:7"):
            with self.assertRaises(carom.AuthError) as e:
                carom.connect(address, KEY)
            self.assertIn("use tls://", str(e.exception))
        self.assertRaises(carom.Unavailable, carom.connect, "tcp://[::1]:1", KEY)

    def test_keys_of_the_environment(self):
        path = scratch() / "key"
        path.write_bytes(KEY + b"\n")
        for name, value in (("CAROM_AUTHKEY", KEY.decode()), ("CAROM_AUTHKEY_FILE", str(path))):
            os.environ[name] = value
            try:
                carom.connect(self.coordinator.address).close()
            finally:
                del os.environ[name]

    def test_a_manager_that_is_closed(self):
        d = self.m.dict()
        self.m.close()
        self.m.close()
        for f in (lambda: d["a"], self.m.list, self.m.objects):
            self.assertRaises(carom.Closed, f)
        with self.connect() as m:
            m.dict()
        self.assertRaises(carom.Closed, m.dict)

    def test_codes(self):
        classes = {cls.code for cls in vars(carom).values() if isinstance(cls, type) and issubclass(cls, carom.Error)}
        protocol = (ROOT / "coord" / "PROTOCOL.md").read_text()
        table = protocol[protocol.index("| code | meaning |"):protocol.index("A client treats an unknown code")]
        rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
        codes = {code for row in rows for code in re.findall("`(.*?)`", row)}
        self.assertGreater(len(codes), 20)
        self.assertLessEqual(codes, classes)
        e = carom.errors.from_wire(["of the future", "what it says"])
        self.assertEqual((type(e), e.code, str(e)), (carom.Error, "of the future", "what it says"))


class Impostor:
    """A server that answers as it is told to."""

    def __init__(self, test, *answers):
        self.listener = socket.create_server(("127.0.0.1", 0))
        test.addCleanup(self.listener.close)
        self.address = "tcp://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, args=(answers,), daemon=True)
        self.thread.start()

    def run(self, answers):
        conn, _ = self.listener.accept()
        with conn:
            for answer in answers:
                conn.recv(4096)
                conn.sendall(answer)


class TestHandshake(unittest.TestCase):
    def test_a_server_that_does_not_know_the_key(self):
        challenge = handshake.frame([0, 1, bytes(32)])
        welcome = handshake.frame([0, bytes(32), bytes(16), False, 1, 1 << 20, 128, b"", 0, {}])
        with self.assertRaisesRegex(carom.AuthError, "does not have the auth key"):
            carom.connect(Impostor(self, challenge, welcome).address, KEY)

    def test_what_is_no_handshake(self):
        for answer in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", handshake.frame([0, 2, bytes(32)]), handshake.frame([0]), handshake.frame({})):
            with self.subTest(answer=answer):
                self.assertRaises(carom.Unavailable, carom.connect, Impostor(self, answer).address, KEY)
        refused = handshake.frame([1, "too_large", "too many clients"])
        self.assertRaisesRegex(carom.TooLarge, "too many clients", carom.connect, Impostor(self, refused).address, KEY)

    def test_silence(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        start = time.monotonic()
        with self.assertRaises(carom.Unavailable):
            carom.connect("tcp://127.0.0.1:%d" % listener.getsockname()[1], KEY, timeout=0.05)
        self.assertLess(time.monotonic() - start, LONG)

    def test_the_protocols_example(self):
        lines = (ROOT / "coord" / "testdata" / "vectors.txt").read_text().splitlines()
        frames = dict(line.split(": ") for line in lines)
        item = {name: cbor.decode(bytes.fromhex(data)[4:]) for name, data in frames.items()}
        client, server, welcome = item["hello"][2], item["challenge"][2], item["welcome"]
        key = b"the auth key"
        self.assertEqual(item["proof"], [handshake.mac(key, b"client", 1, client, server, b"")])
        self.assertEqual(welcome[1], handshake.mac(key, b"server", 1, client, server, welcome[2]))


class TestTheOtherEnd(unittest.TestCase):
    def test_calls_end_with_the_coordinator(self):
        c = Coordinator()
        m = carom.connect(c.address, KEY)
        self.addCleanup(m.close)
        q, errors = m.Queue(), []

        def get():
            try:
                q.get()
            except ConnectionError as e:
                errors.append(e)

        threads = [threading.Thread(target=get) for _ in range(3)]
        for t in threads:
            t.start()
        m.list()
        c.kill()
        for t in threads:
            t.join(LONG)
        self.assertEqual([type(e) for e in errors], [carom.ConnectionLost] * 3)
        self.assertIsInstance(errors[0], EOFError)
        self.assertRaises(carom.Unavailable, q.qsize)

    def test_a_timeout_does_not_wait_for_a_coordinator_that_is_stopped(self):
        c = Coordinator()
        m = carom.connect(c.address, KEY)
        self.addCleanup(m.close)
        q = m.Queue()
        c.process.send_signal(signal.SIGSTOP)
        self.addCleanup(c.kill)
        with mock.patch.object(connection, "_PATIENCE", 0.05):
            self.assertRaisesRegex(carom.ConnectionLost, "does not answer", q.get, timeout=0.05)

    def test_a_restart(self):
        """Of what was there, nothing is met again; what is new can be used."""
        c = Coordinator()
        m = carom.connect(c.address, KEY)
        self.addCleanup(m.close)
        d, named = m.dict(a=1), m.dict({"a": 1}, name="named")
        c.stop()
        c = Coordinator(listen=c.address)
        self.addCleanup(c.stop)
        self.assertRaises(carom.NotFound, m.open, "dict", "named")
        other = m.dict({"a": 2}, name="named")
        for proxy in (d, named):
            self.assertRaisesRegex(carom.NotFound, "restarted", proxy.get, "a")
        self.assertEqual(other["a"], 2)

    def test_nothing_is_left_behind(self):
        c = Coordinator()
        self.addCleanup(c.stop)
        threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
        m = carom.connect(c.address, KEY)
        d = m.dict()
        link = weakref.ref(m._link)
        m.close()
        self.assertEqual((threading.active_count(), len(os.listdir("/proc/self/fd"))), (threads, files))
        m = carom.connect(c.address, KEY)
        d = m.dict(a=1)
        del m
        self.assertEqual(d["a"], 1)  # a proxy is enough
        del d
        gc.collect()
        self.assertIsNone(link())
        end = time.monotonic() + LONG
        while threading.active_count() > threads and time.monotonic() < end:
            time.sleep(0.002)
        self.assertEqual(threading.active_count(), threads)


class TestTCP(TestCase):
    flags = ("-listen", "tcp://127.0.0.1:0")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tcp = cls.coordinator.process.stdout.readline().split()[2]

    def test_tcp(self):
        with carom.connect(self.tcp, KEY) as m:
            l = m.list([self.m.dict(a=1)])
            self.assertEqual(l[0]["a"], 1)
            digest = hashlib.sha256(bytes(8 << 20)).digest()
            l.append(bytes(8 << 20))
            self.assertEqual(hashlib.sha256(l[1]).digest(), digest)


class TestTLS(unittest.TestCase):
    def test_tls(self):
        path = scratch()
        root = subprocess.run(["go", "env", "GOROOT"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        make = ["go", "run", f"{root}/src/crypto/tls/generate_cert.go", "--host", "localhost,127.0.0.1", "--ca", "--ecdsa-curve", "P256"]
        subprocess.run(make, cwd=path, check=True, stderr=subprocess.DEVNULL)
        c = Coordinator("-cert", str(path / "cert.pem"), "-key", str(path / "key.pem"), listen="tls://localhost:0")
        self.addCleanup(c.stop)
        with self.assertRaises(carom.Unavailable):  # nobody vouches for it
            carom.connect(c.address, KEY, timeout=LONG)
        context = ssl.create_default_context(cafile=str(path / "cert.pem"))
        with carom.connect(c.address, KEY, timeout=LONG, ssl_context=context) as m:
            d = m.dict()
            threads = [threading.Thread(target=self.use, args=(d, i)) for i in range(4)]
            for t in threads:
                t.start()
            for t in threads:
                t.join(LONG)
            self.assertEqual(len(d), 4)
            self.assertEqual(sorted(map(len, d.values())), [i << 20 for i in range(4)])

    def use(self, d, i):
        for _ in range(5):
            d[i] = bytes(i << 20)
            assert len(d[i]) == i << 20


if __name__ == "__main__":
    unittest.main()
