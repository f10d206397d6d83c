package coord

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/carom-ipc/carom/internal/errs"
)

// DialConfig says how to reach a coordinator. Only AuthKey is required.
type DialConfig struct {
	TLS     *tls.Config                             // for the network "tls"
	Connect func(context.Context) (net.Conn, error) // nil: to network and address
	AuthKey []byte                                  // the secret that the coordinator holds too
	Timeout time.Duration                           // for connecting and the handshake, beside the context; default 5 s
	Logger  *slog.Logger                            // nil: discard
	Codec   string                                  // must be the coordinator's, where both say one; ErrType otherwise

	// Lane makes a lane, over which frames go instead of the socket, where that is a unix
	// socket and the coordinator is able to. An error means that they do not. nil: never.
	Lane func(context.Context) (Lane, error)

	// Silence is how long the coordinator may say nothing while calls are in
	// flight before it is asked whether it is there. A connection that brings no
	// answer is given up after as long again. Default 5 s, negative: never.
	Silence time.Duration
	// Gone is asked before each attempt to connect again, and told why the last
	// one failed, nil before the first. An error says that the coordinator cannot
	// come back, and is the end of the client: ErrUnavailable for all calls. A nil
	// function: it may always come back.
	Gone func(last error) error
}

func (c DialConfig) withDefaults() DialConfig {
	if c.Timeout <= 0 {
		c.Timeout = 5 * time.Second
	}
	if c.Silence == 0 {
		c.Silence = 5 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// link is a connection of a client. Its fields are guarded by Client.mu,
// unless they never change.
type link struct {
	t      transport
	hangup *hangup
	hungUp bool // the other end is gone; what it sent may still be unread

	read, written uint64 // bytes, when the timer looked last
	quiet         int    // times that the timer found nothing new
}

// connect makes a connection and says which session is to go on with it. The
// files are the caller's.
func (c *Client) connect(ctx context.Context) (*link, welcome, []*os.File, error) {
	deadline := time.Now().Add(c.cfg.Timeout)
	conn, err := c.cfg.connect(ctx, &net.Dialer{Deadline: deadline}, c.network, c.addr)
	if err != nil {
		return nil, welcome{}, nil, dialError(ctx, c.addr, err)
	}
	prepare(conn)
	conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(aLongTimeAgo) })
	h := c.hello()
	lane := c.cfg.lane(ctx, conn, h.options)
	w, in, files, err := greet(conn, c.cfg.AuthKey, h)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		if lane != nil {
			lane.Close()
		}
		closeFiles(files)
		return nil, w, nil, dialError(ctx, c.addr, err)
	}
	conn.SetDeadline(time.Time{})
	if lane != nil {
		conn, in = changeLanes(conn, in, lane, w.options)
	}
	return &link{t: newSocket(conn, in, 0), hangup: newHangup(conn)}, w, files, nil
}

// arrive makes the first connection. A coordinator to which too many come at once drops
// those that have waited longest: they come again, a moment later.
func (c *Client) arrive(ctx context.Context) (l *link, w welcome, files []*os.File, err error) {
	for pause := firstPause; ; pause *= 2 {
		l, w, files, err = c.connect(ctx)
		if err == nil || !dropped(err) || pause > lastPause {
			return l, w, files, err
		}
		t := time.NewTimer(pause/2 + rand.N(pause/2))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, w, nil, ctx.Err()
		}
	}
}

// dropped reports that the coordinator ended a handshake without a word.
func dropped(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// hello asks for the session that the client has, if any.
func (c *Client) hello() hello {
	h := hello{version: protocolVersion, nonce: newNonce(), options: handshakeOptions{}}
	h.options.setText(optionCodec, c.cfg.Codec)
	h.options.setBool(optionResume, true)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation > 0 {
		c.attempt++
		h.session = c.session[:]
		h.options.setUint(optionReceived, c.received)
		h.options.setUint(optionAttempt, c.attempt)
	}
	return h
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// dialError gives the reason that the caller can act upon.
func dialError(ctx context.Context, addr string, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errs.ErrAuth), errors.Is(err, errs.ErrUnavailable), errors.Is(err, errs.ErrType):
		return err
	case isDistrust(err):
		return fmt.Errorf("%w: %s: %w", errs.ErrAuth, addr, err)
	}
	return fmt.Errorf("%w: %s: %w", errs.ErrUnavailable, addr, err)
}

// notify queues a request of the coordinator that has no reply.
func (l *link) notify(method string, args []byte) {
	frame, _ := endFrame(appendRequest(beginFrame(nil), 0, serverObject, method, args), 0, maxFrame)
	l.t.add(frame)
}

func (l *link) cancel(id uint64) { l.notify("cancel", AppendUint(AppendArray(nil, 1), id)) }

// acknowledge says how many replies have arrived, in a frame of its own.
func (l *link) acknowledge(received uint64) {
	frame := appendRequest(beginFrame(nil), 0, serverObject, "ack", AppendArray(nil, 0))
	frame, _ = endFrame(appendReceived(frame, frameHead, received), 0, maxFrame)
	l.t.add(frame)
}

func (l *link) close() {
	if l.hangup != nil {
		l.hangup.close()
	}
	l.t.close()
}
