"""Byte streams to a coordinator."""

import ipaddress
import select
import socket
import ssl
import threading
from urllib.parse import urlsplit

from .errors import AuthError, Unavailable

__all__ = ["dial"]


def dial(address, timeout, ssl_context):
    """A Stream to address. Unavailable: nobody listens there. ValueError: it is no address.
    AuthError: it is on another machine, and tcp shows everybody what goes there."""
    url = urlsplit(address)
    if url.scheme == "unix":
        path = address[len("unix://"):]
        if not path.startswith(("/", "@")):
            raise ValueError(f"{address!r}: want unix:///path or unix://@name")
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        target = "\0" + path[1:] if path.startswith("@") else path
    elif url.scheme in ("tcp", "tls"):
        if not url.hostname or not url.port:
            raise ValueError(f"{address!r}: want {url.scheme}://host:port")
        if url.scheme == "tcp" and not _loopback(url.hostname):
            raise AuthError(f"{address}: plaintext is for loopback only, use tls://")
        sock, target = None, (url.hostname, url.port)
    else:
        raise ValueError(f"{address!r}: want unix:///path, tcp://host:port or tls://host:port")
    try:
        if sock is None:
            sock = socket.create_connection(target, timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_KEEPIDLE"):  # a machine that is gone is noticed within 20 s
                for option, n in ((socket.TCP_KEEPIDLE, 5), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3)):
                    sock.setsockopt(socket.IPPROTO_TCP, option, n)
        else:
            sock.settimeout(timeout)
            sock.connect(target)
        if url.scheme == "tls":
            context = ssl_context or ssl.create_default_context()
            sock = context.wrap_socket(sock, server_hostname=url.hostname)
    except OSError as e:
        if sock is not None:
            sock.close()
        raise Unavailable(f"{address}: {e}") from e
    return TLSStream(sock) if url.scheme == "tls" else Stream(sock)


def _loopback(host):
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Stream:
    """A socket that one thread reads and others, one at a time, write."""

    def __init__(self, sock):
        self.sock = sock

    def bound(self, timeout):
        """Bounds each call from now on, in seconds; None: no longer."""
        self.sock.settimeout(timeout)

    def recv(self, n):
        return self.sock.recv(n)

    def sendall(self, data):
        self.sock.sendall(data)

    def finish(self):
        """Says that nothing will be sent any more; what the server still says can be read."""
        try:
            # Not through the method: that of a TLS socket ends reading, too.
            socket.socket.shutdown(self.sock, socket.SHUT_WR)
        except OSError:
            pass  # it has ended already

    def abort(self):
        """Ends the stream; a thread that reads gets the end of it."""
        try:
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        self.sock.close()


class TLSStream(Stream):
    """As Stream: OpenSSL does not let two threads use one connection at the same time,
    so none stays inside while it waits."""

    def __init__(self, sock):
        super().__init__(sock)
        self.lock = threading.Lock()
        self.timeout = sock.gettimeout()
        sock.setblocking(False)

    def bound(self, timeout):
        self.timeout = timeout

    def recv(self, n):
        return self._patiently(lambda: self.sock.recv(n))

    def sendall(self, data):
        view = memoryview(data)
        while view:
            view = view[self._patiently(lambda: self.sock.send(view)):]

    def _patiently(self, step):
        while True:
            try:
                with self.lock:
                    return step()
            except ssl.SSLWantReadError:
                event = select.POLLIN
            except ssl.SSLWantWriteError:
                event = select.POLLOUT
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                return b""
            poll = select.poll()
            poll.register(self.sock, event)
            if not poll.poll(None if self.timeout is None else self.timeout * 1000):
                raise TimeoutError("timed out")
