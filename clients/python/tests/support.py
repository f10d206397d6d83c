"""A coordinator of its own for each test class.

The binary is CAROM_BINARY, or built here.
"""

import atexit
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "clients" / "python"))

import carom  # noqa: E402

KEY = b"the auth key of the tests"
LONG = 30.0  # what takes longer has hung

_built = None


def scratch():
    path = tempfile.mkdtemp(prefix="carom-py-")
    atexit.register(_remove, path, os.getpid())
    return pathlib.Path(path)


def _remove(path, pid):
    if os.getpid() == pid:
        shutil.rmtree(path, ignore_errors=True)


def binary():
    global _built
    _built = _built or os.environ.get("CAROM_BINARY")
    if not _built:
        _built = str(scratch() / "carom")
        subprocess.run(["go", "build", "-o", _built, "./cmd/carom"], cwd=ROOT, check=True)
    return _built


class Coordinator:
    """carom serve at work."""

    def __init__(self, *flags, listen=None, command=None):
        self.dir = scratch()
        key = self.dir / "key"
        key.write_bytes(KEY + b"\n")
        listen = listen or f"unix://{self.dir}/carom.sock"
        self.process = subprocess.Popen(
            [*(command or [binary(), "serve"]), "-listen", listen, "-authkey-file", str(key), *flags],
            stdout=subprocess.PIPE, text=True,
        )
        line = self.process.stdout.readline()
        if not line.startswith("carom: serving "):
            self.stop()
            raise RuntimeError(f"carom serve said {line!r}")
        self.address = line.split()[2]

    def stop(self):
        """Ends it in an orderly way."""
        self.process.terminate()
        self._wait()

    def kill(self):
        self.process.kill()
        self._wait()

    def _wait(self):
        self.process.wait(LONG)
        self.process.stdout.close()


class TestCase(unittest.TestCase):
    """Has a manager m, of a coordinator that the class's tests share."""

    flags = ()
    command = None

    @classmethod
    def setUpClass(cls):
        cls.coordinator = Coordinator(*cls.flags, command=cls.command)
        cls.addClassCleanup(cls.coordinator.stop)

    def setUp(self):
        self.m = self.connect()

    def connect(self):
        m = carom.connect(self.coordinator.address, KEY, timeout=LONG)
        self.addCleanup(m.close)
        return m

    def eventually(self, condition):
        """Waits until condition() is true."""
        end = time.monotonic() + LONG
        while not condition():
            self.assertLess(time.monotonic(), end, "it never happened")
            time.sleep(0.002)
