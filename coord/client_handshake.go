package coord

import (
	"crypto/hmac"
	"fmt"
	"net"
	"os"

	"github.com/carom-ipc/carom/internal/errs"
)

// greet runs the client's side of the handshake. conn has a deadline. The
// files are the caller's to close, also with an error.
func greet(conn net.Conn, key []byte, h hello) (w welcome, in *frameReader, files []*os.File, err error) {
	rights := newRightsReader(conn)
	in = newFrameReader(rights, handshakeMax)
	// A server that refuses at once may be gone before it has read anything:
	// what it said counts for more than the error of the write.
	writeErr := writeHandshake(conn, appendHello(nil, h))
	body, err := in.next()
	if err != nil {
		return w, nil, rights.files, bothErrors(writeErr, err)
	}
	c, err := parseChallenge(body)
	if err != nil {
		return w, nil, rights.files, err
	}
	if c.version != protocolVersion {
		return w, nil, rights.files, fmt.Errorf("%w: it speaks protocol version %d, this is version %d",
			errs.ErrUnavailable, c.version, protocolVersion)
	}
	nonce := append([]byte(nil), c.nonce...)
	mac := proof(key, roleClient, c.version, h.nonce, nonce, h.session)
	writeErr = writeHandshake(conn, appendProof(nil, mac))
	in.limit = welcomeMax
	if body, err = in.next(); err != nil {
		return w, nil, rights.files, bothErrors(writeErr, err)
	}
	if w, err = parseWelcome(body); err != nil {
		return w, nil, rights.files, err
	}
	if !hmac.Equal(w.mac, proof(key, roleServer, c.version, h.nonce, nonce, w.session)) {
		return w, nil, rights.files, fmt.Errorf("%w: the coordinator does not hold the auth key", errs.ErrAuth)
	}
	if int(w.files) != len(rights.files) {
		return w, nil, rights.files, fmt.Errorf("%w: %d descriptors came with the welcome, %d were announced",
			errs.ErrUnavailable, len(rights.files), w.files)
	}
	w.payload = append([]byte(nil), w.payload...)
	w.session = append([]byte(nil), w.session...)
	in.r = conn
	in.limit = int(min(w.frame, maxFrame))
	return w, in, rights.files, nil
}

// bothErrors is why a frame could not be written, if so, and why none came. TLS says the
// same of both.
func bothErrors(write, read error) error {
	if write == nil || write.Error() == read.Error() {
		return read
	}
	return fmt.Errorf("%w, %w", read, write)
}

// welcomeMax bounds the one frame of the handshake that carries the
// application's own bytes.
const welcomeMax = 1 << 20
