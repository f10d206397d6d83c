package coord

import (
	"context"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Lane is one end of a byte stream in both directions through memory that a client on
// the same machine shares with the coordinator. Its calls do not wait, but AwaitRoom.
type Lane interface {
	// Name is what the coordinator opens.
	Name() string
	// Read takes what is there, perhaps nothing.
	Read(b []byte) (int, error)
	// Write puts in what there is room for; wake says that the other end sleeps.
	Write(b []byte) (n int, wake bool, err error)
	// Spin looks for something to read, and reports whether there is.
	Spin() bool
	// Doze says that this end sleeps until it is woken; false: there is something to read.
	Doze() bool
	// AwaitRoom returns when there is room to write.
	AwaitRoom(ctx context.Context) error
	Close()
}

// lane makes the lane that the hello offers, nil where frames stay on the socket: the
// coordinator is not on this machine, or there is no memory for it.
func (c *DialConfig) lane(ctx context.Context, conn net.Conn, o handshakeOptions) Lane {
	if _, local := conn.(*net.UnixConn); !local || c.Lane == nil {
		return nil
	}
	lane, err := c.Lane(ctx)
	if err != nil {
		c.Logger.Info("frames go over the socket", "error", err)
		return nil
	}
	o.setText(optionLane, lane.Name())
	return lane
}

// openLane opens what a hello offers, nil where frames stay on the socket.
func (s *Server) openLane(p Peer, o handshakeOptions) Lane {
	name := o.text(optionLane)
	if name == "" || !p.Local || s.cfg.Lane == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.limits.HandshakeTimeout)
	defer cancel()
	lane, err := s.cfg.Lane(ctx, name)
	if err != nil {
		s.log.Info("frames go over the socket", "peer", p.PID, "error", err)
		return nil
	}
	return lane
}

// changeLanes moves the frames after the handshake to the lane, if the welcome says so.
func changeLanes(conn net.Conn, in *frameReader, lane Lane, welcome handshakeOptions) (net.Conn, *frameReader) {
	if !welcome.bool(optionLane) {
		lane.Close()
		return conn, in
	}
	moved := newLaneConn(conn, lane)
	return moved, newFrameReader(moved, in.limit)
}

// laneConn carries frames through a lane. The socket over which the two sides met stays:
// a byte on it wakes the other end when that sleeps, and its end is that of the
// connection, whatever ended it.
type laneConn struct {
	net.Conn // the socket
	lane     Lane
	ring     func([]byte) (int, error) // writes to the socket without waiting

	interrupted atomic.Bool  // the read deadline has passed
	writeBy     atomic.Int64 // the write deadline in Unix nanoseconds; 0: none
	bell        [64]byte
}

func newLaneConn(socket net.Conn, lane Lane) *laneConn {
	return &laneConn{Conn: socket, lane: lane, ring: tryWriter(socket)}
}

// Read waits for the first byte: awake for a while, then asleep on the socket.
func (c *laneConn) Read(b []byte) (int, error) {
	for {
		if c.interrupted.Load() {
			return 0, os.ErrDeadlineExceeded
		}
		if n, err := c.lane.Read(b); n > 0 || err != nil {
			return n, err
		}
		if c.lane.Spin() || !c.lane.Doze() {
			continue
		}
		if _, err := c.Conn.Read(c.bell[:]); err != nil {
			// What the other end had written before it went is here to be read.
			if n, lerr := c.lane.Read(b); n > 0 {
				return n, lerr
			}
			return 0, err
		}
	}
}

// tryWrite writes what there is room for.
func (c *laneConn) tryWrite(b []byte) (int, error) {
	n, wake, err := c.lane.Write(b)
	if wake && err == nil {
		_, err = c.ring(bell)
	}
	return n, err
}

var bell = []byte{0}

// Write waits for room, asleep on the lane: the socket's end is looked for now and then.
func (c *laneConn) Write(b []byte) (n int, err error) {
	for {
		k, err := c.tryWrite(b[n:])
		n += k
		if err != nil || n == len(b) {
			return n, err
		}
		if by := c.writeBy.Load(); by != 0 && time.Now().UnixNano() > by {
			return n, os.ErrDeadlineExceeded
		}
		ctx, cancel := context.WithTimeout(context.Background(), lookForEnd)
		err = c.lane.AwaitRoom(ctx)
		cancel()
		if err != nil && ctx.Err() == nil {
			return n, err
		}
		if err != nil && hungUp(c.Conn) {
			return n, net.ErrClosed
		}
	}
}

// lookForEnd is how often one who waits for room looks whether the other end is gone.
const lookForEnd = 50 * time.Millisecond

// SetReadDeadline knows deadlines that have passed, which interrupt, and others as far as
// the reader sleeps.
func (c *laneConn) SetReadDeadline(t time.Time) error {
	c.interrupted.Store(!t.IsZero() && !t.After(time.Now()))
	return c.Conn.SetReadDeadline(t)
}

func (c *laneConn) SetWriteDeadline(t time.Time) error {
	by := int64(0)
	if !t.IsZero() {
		by = t.UnixNano()
	}
	c.writeBy.Store(by)
	return nil
}

// Close ends both.
func (c *laneConn) Close() error {
	err := c.Conn.Close()
	c.lane.Close()
	return err
}
