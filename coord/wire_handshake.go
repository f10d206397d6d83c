package coord

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"github.com/carom-ipc/carom/internal/errs"
)

// The handshake is four frames of at most handshakeMax bytes (the last one
// excepted, whose sender is known by then):
//
//	client  hello      ["carom", version, nonce, session, options]
//	server  challenge  [0, version, nonce]
//	client  proof      [mac]
//	server  welcome    [0, mac, session, resumed, epoch, frame limit, depth limit, payload, files, options]
//
// Instead of a challenge or a welcome the server may send [1, code, message].
// Both sides prove that they hold the key without showing it: a mac is
// HMAC-SHA256(key, role ‖ version ‖ client's nonce ‖ server's nonce ‖ session).

const (
	protocolMagic   = "carom"
	protocolVersion = 1

	nonceSize   = 32
	sessionSize = 16

	statusOK    = 0
	statusError = 1
)

// Roles are of one length and part of the mac, so that neither side's proof
// can be played back as the other's.
const (
	roleClient = "carom client"
	roleServer = "carom server"
)

type hello struct {
	version uint64
	nonce   []byte
	session []byte // to resume; empty for a new one
	options handshakeOptions
}

type challenge struct {
	version uint64
	nonce   []byte
}

type welcome struct {
	mac     []byte
	session []byte
	resumed bool
	epoch   uint64
	frame   uint64
	depth   uint64
	payload []byte
	files   uint64
	options handshakeOptions
}

func newNonce() []byte {
	b := make([]byte, nonceSize)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}

func proof(key []byte, role string, version uint64, client, server, session []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(role))
	mac.Write([]byte{byte(version)})
	mac.Write(client)
	mac.Write(server)
	mac.Write(session)
	return mac.Sum(nil)
}

func appendHello(dst []byte, h hello) []byte {
	dst = AppendArray(dst, 5)
	dst = AppendText(dst, protocolMagic)
	dst = AppendUint(dst, h.version)
	dst = AppendBytes(dst, h.nonce)
	dst = AppendBytes(dst, h.session)
	return appendOptions(dst, h.options)
}

func parseHello(body []byte) (hello, error) {
	r, n, err := handshakeItems(body)
	if err != nil {
		return hello{}, err
	}
	magic := r.Text()
	h := hello{version: r.Uint(), nonce: r.Bytes(), session: r.Bytes(), options: r.options()}
	switch {
	case r.err != nil || n < 5 || magic != protocolMagic:
		return hello{}, errMalformed
	case len(h.nonce) != nonceSize || (len(h.session) != 0 && len(h.session) != sessionSize):
		return hello{}, errMalformed
	}
	return h, nil
}

func appendChallenge(dst []byte, c challenge) []byte {
	dst = AppendArray(dst, 3)
	dst = AppendUint(dst, statusOK)
	dst = AppendUint(dst, c.version)
	return AppendBytes(dst, c.nonce)
}

func parseChallenge(body []byte) (challenge, error) {
	r, n, err := handshakeItems(body)
	if err != nil {
		return challenge{}, err
	}
	if err := refusal(r); err != nil {
		return challenge{}, err
	}
	c := challenge{version: r.Uint(), nonce: r.Bytes()}
	if r.err != nil || n < 3 || len(c.nonce) != nonceSize {
		return challenge{}, errMalformed
	}
	return c, nil
}

func appendProof(dst, mac []byte) []byte {
	return AppendBytes(AppendArray(dst, 1), mac)
}

func parseProof(body []byte) ([]byte, error) {
	r, n, err := handshakeItems(body)
	if err != nil {
		return nil, err
	}
	mac := r.Bytes()
	if r.err != nil || n < 1 {
		return nil, errMalformed
	}
	return mac, nil
}

func appendWelcome(dst []byte, w welcome) []byte {
	dst = AppendArray(dst, 10)
	dst = AppendUint(dst, statusOK)
	dst = AppendBytes(dst, w.mac)
	dst = AppendBytes(dst, w.session)
	dst = AppendBool(dst, w.resumed)
	dst = AppendUint(dst, w.epoch)
	dst = AppendUint(dst, w.frame)
	dst = AppendUint(dst, w.depth)
	dst = AppendBytes(dst, w.payload)
	dst = AppendUint(dst, w.files)
	return appendOptions(dst, w.options)
}

func parseWelcome(body []byte) (welcome, error) {
	r, n, err := handshakeItems(body)
	if err != nil {
		return welcome{}, err
	}
	if err := refusal(r); err != nil {
		return welcome{}, err
	}
	w := welcome{
		mac: r.Bytes(), session: r.Bytes(), resumed: r.Bool(), epoch: r.Uint(),
		frame: r.Uint(), depth: r.Uint(), payload: r.Bytes(), files: r.Uint(), options: r.options(),
	}
	if r.err != nil || n < 10 || len(w.session) != sessionSize {
		return welcome{}, errMalformed
	}
	return w, nil
}

func appendRefusal(dst []byte, code, message string) []byte {
	dst = AppendArray(dst, 3)
	dst = AppendUint(dst, statusError)
	dst = AppendText(dst, code)
	return AppendText(dst, message)
}

// refusal reads the status that begins each frame of the server, and the
// error that may follow.
func refusal(r *Reader) error {
	status := r.Uint()
	if r.err != nil || status == statusOK {
		return nil
	}
	code, message := r.Text(), r.Text()
	if r.err != nil {
		return errMalformed
	}
	if code == "" {
		return fmt.Errorf("%w: %s", errs.ErrUnavailable, message)
	}
	return errs.FromCode(code, message)
}

// handshakeItems enters the array that each frame of the handshake is.
func handshakeItems(body []byte) (*Reader, int, error) {
	const depth = 4
	if n, err := itemSize(body, depth); err != nil || n != len(body) {
		return nil, 0, errMalformed
	}
	r := NewReader(body)
	n := r.Array()
	if r.err != nil {
		return nil, 0, errMalformed
	}
	return r, n, nil
}
