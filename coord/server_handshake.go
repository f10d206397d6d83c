package coord

import (
	"bytes"
	"crypto/hmac"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/carom-ipc/carom/internal/errs"
)

// handshake authenticates the peer at the other end of the connection and
// gives it a session. On error the peer has been told, as far as it may know.
func (c *serverConn) handshake() error {
	s, conn := c.srv, c.conn
	conn.SetDeadline(time.Now().Add(s.limits.HandshakeTimeout))
	in := newFrameReader(conn, handshakeMax)
	body, err := in.next()
	if err != nil {
		return err
	}
	h, err := parseHello(body)
	if err != nil {
		return err
	}
	// The peer is judged only now, so that it reads why and not a reset.
	if c.peer, err = peerOf(conn); err != nil {
		return refuse(conn, err)
	}
	s.mu.Lock()
	c.peer.Inside = s.inside[conn]
	s.mu.Unlock()
	if err := c.peer.allowed(); err != nil {
		return refuse(conn, err)
	}
	if h.version < protocolVersion {
		return refuse(conn, fmt.Errorf("%w: protocol version %d is too old, this is version %d",
			errs.ErrUnavailable, h.version, protocolVersion))
	}
	h.nonce, h.session = bytes.Clone(h.nonce), bytes.Clone(h.session)
	nonce := newNonce()
	if err := writeHandshake(conn, appendChallenge(nil, challenge{protocolVersion, nonce})); err != nil {
		return err
	}
	if body, err = in.next(); err != nil {
		return err
	}
	mac, err := parseProof(body)
	if err != nil {
		return err
	}
	if !hmac.Equal(mac, proof(s.authKey, roleClient, protocolVersion, h.nonce, nonce, h.session)) {
		return refuse(conn, fmt.Errorf("%w: the auth key is not the coordinator's", errs.ErrAuth))
	}
	if err := s.agree(h.options); err != nil {
		return refuse(conn, err)
	}
	if c.lifeline, err = newLifeline(conn, c.peer); err != nil {
		return refuse(conn, err)
	}
	resumed, err := s.join(c, h)
	if err != nil {
		return refuse(conn, err)
	}
	w := welcome{
		mac:     proof(s.authKey, roleServer, protocolVersion, h.nonce, nonce, c.sess.id[:]),
		session: c.sess.id[:], resumed: resumed, epoch: s.epoch,
		frame: uint64(s.limits.Frame), depth: uint64(s.limits.Depth), options: handshakeOptions{},
	}
	w.options.setText(optionCodec, s.cfg.Codec)
	if c.sess.out.log != nil {
		w.options.setUint(optionGrace, uint64(s.limits.Grace.Milliseconds()))
	}
	if resumed {
		w.options.setUint(optionTaken, c.sess.taken)
	}
	lane := s.openLane(c.peer, h.options)
	w.options.setBool(optionLane, lane != nil)
	if err := s.welcome(conn, c.peer, w); err != nil {
		if lane != nil {
			lane.Close()
		}
		c.final = !resumed // a client that was not welcomed does not know its session
		return refuse(conn, err)
	}
	conn.SetDeadline(time.Time{})
	in.limit = s.limits.Frame
	if lane != nil {
		conn, in = changeLanes(conn, in, lane, w.options)
	}
	c.t = newSocket(conn, in, s.limits.StallTimeout)
	if !resumed {
		c.sess.announce()
	}
	if !c.sess.out.attach(c.t, c.received) { // calls have ended since join
		return fmt.Errorf("%w: replies that the client does not have are not kept any more", errs.ErrUnavailable)
	}
	c.t.flush()
	return nil
}

// agree compares what both sides have to have in common.
func (s *Server) agree(o handshakeOptions) error {
	if theirs := o.text(optionCodec); theirs != "" && s.cfg.Codec != "" && theirs != s.cfg.Codec {
		return fmt.Errorf("%w: the coordinator's codec is %s, the client's %s", errs.ErrType, s.cfg.Codec, theirs)
	}
	return nil
}

// welcome sends the last frame, with what Config.Welcome has for the peer. One
// whose session goes on has that already.
func (s *Server) welcome(conn net.Conn, peer Peer, w welcome) error {
	var files []*os.File
	if s.cfg.Welcome != nil && !w.resumed {
		var err error
		if w.payload, files, err = s.cfg.Welcome(peer); err != nil {
			return err
		}
	}
	w.files = uint64(len(files))
	frame, err := endFrame(appendWelcome(beginFrame(nil), w), 0, welcomeMax)
	if err != nil {
		return err
	}
	if len(files) > 0 {
		return writeWithFiles(conn, frame, files)
	}
	_, err = conn.Write(frame)
	return err
}

func writeHandshake(conn net.Conn, body []byte) error {
	frame, err := endFrame(append(beginFrame(nil), body...), 0, handshakeMax)
	if err != nil {
		return err
	}
	_, err = conn.Write(frame)
	return err
}

// refuse tells the peer err and returns it.
func refuse(conn net.Conn, err error) error {
	code := errs.Code(err)
	message := err.Error()
	if code == "" && !errors.Is(err, errs.ErrUnavailable) {
		message = "the coordinator cannot take the connection" // the rest is for its log
	}
	writeHandshake(conn, appendRefusal(nil, code, message))
	return err
}
