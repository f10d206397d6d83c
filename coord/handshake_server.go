package coord

import (
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/carom-ipc/carom/internal/errs"
)

// handshake authenticates the peer at the other end of conn and gives it a
// session. On error the peer has been told, as far as it may know.
func (s *Server) handshake(conn net.Conn) (*serverConn, error) {
	conn.SetDeadline(time.Now().Add(s.limits.HandshakeTimeout))
	in := newFrameReader(conn, handshakeMax)
	body, err := in.next()
	if err != nil {
		return nil, err
	}
	h, err := parseHello(body)
	if err != nil {
		return nil, err
	}
	// The peer is judged only now, so that it reads why and not a reset.
	peer, err := peerOf(conn)
	if err != nil {
		return nil, refuse(conn, err)
	}
	s.mu.Lock()
	peer.Inside = s.inside[conn]
	s.mu.Unlock()
	if err := peer.allowed(); err != nil {
		return nil, refuse(conn, err)
	}
	if h.version < protocolVersion {
		return nil, refuse(conn, fmt.Errorf("%w: protocol version %d is too old, this is version %d",
			errs.ErrUnavailable, h.version, protocolVersion))
	}
	clientNonce, wanted := append([]byte(nil), h.nonce...), append([]byte(nil), h.session...)
	nonce := newNonce()
	if err := writeHandshake(conn, appendChallenge(nil, challenge{protocolVersion, nonce})); err != nil {
		return nil, err
	}
	if body, err = in.next(); err != nil {
		return nil, err
	}
	mac, err := parseProof(body)
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(mac, proof(s.authKey, roleClient, protocolVersion, clientNonce, nonce, wanted)) {
		return nil, refuse(conn, fmt.Errorf("%w: the auth key is not the coordinator's", errs.ErrAuth))
	}

	// Sessions end with their connection in this version, so there is none to
	// resume: the client learns from the welcome that it has a new one.
	if err := s.agree(h.options); err != nil {
		return nil, refuse(conn, err)
	}
	sess, err := s.newSession(peer)
	if err != nil {
		return nil, refuse(conn, err)
	}
	w := welcome{
		mac:     proof(s.authKey, roleServer, protocolVersion, clientNonce, nonce, sess.id[:]),
		session: sess.id[:], epoch: s.epoch,
		frame: uint64(s.limits.Frame), depth: uint64(s.limits.Depth), options: handshakeOptions{},
	}
	w.options.setText(optionCodec, s.cfg.Codec)
	if err := s.welcome(conn, peer, w); err != nil {
		sess.end()
		return nil, refuse(conn, err)
	}
	conn.SetDeadline(time.Time{})
	in.limit = s.limits.Frame
	return &serverConn{srv: s, sess: sess, t: newSocket(conn, in, s.limits.StallTimeout)}, nil
}

// agree compares what both sides have to have in common.
func (s *Server) agree(o handshakeOptions) error {
	if theirs := o.text(optionCodec); theirs != "" && s.cfg.Codec != "" && theirs != s.cfg.Codec {
		return fmt.Errorf("%w: the coordinator's codec is %s, the client's %s", errs.ErrType, s.cfg.Codec, theirs)
	}
	return nil
}

// welcome sends the last frame, with what Config.Welcome has for the peer.
func (s *Server) welcome(conn net.Conn, peer Peer, w welcome) error {
	var files []*os.File
	if s.cfg.Welcome != nil {
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

func (s *Server) newSession(peer Peer) (*Session, error) {
	sess := &Session{srv: s, peer: peer, refs: map[uint64]*ref{}, running: map[uint64]func(){}, streams: map[uint64]*openStream{}}
	rand.Read(sess.id[:])
	return sess, s.admit(sess)
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
