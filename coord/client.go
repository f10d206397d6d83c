package coord

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"os"
	"sync"
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
}

// Client is a connection to a coordinator. All methods may be called
// concurrently; requests share the connection and do not wait for each other.
//
// There is no goroutine that reads: of the callers that wait for replies, one
// reads for all. So a reply is handled by the goroutine that wants it, which
// saves a switch between two of them. See lead.go.
//
// Errors: what the coordinator answers keeps its identity (ErrNotFound, ErrType
// and so on); ErrUnavailable when the connection is gone, for calls in flight
// as well as later ones, and no call ever outlives it; the context's error,
// unchanged, as soon as the context ends. A call that was cancelled on its way
// may have been carried out.
type Client struct {
	t      transport
	log    *slog.Logger
	depth  int
	frame  int // limit of the coordinator
	hangup *hangup

	session [sessionSize]byte
	epoch   uint64
	payload []byte
	files   []*os.File

	mu        sync.Mutex
	lastID    uint64
	calls     map[uint64]*call    // somebody waits for the reply
	abandoned map[uint64]struct{} // nobody does any more, but it will come
	reading   bool                // a goroutine is the leader
	hungUp    bool                // the other end is gone; what it sent may still be unread
	err       error
	done      chan struct{}

	helpers sync.WaitGroup
}

// Dial connects to the coordinator at addr ("unix": a path; "tcp" and "tls":
// host:port) and authenticates both sides. Errors: ErrAuth if the keys differ
// or the coordinator does not accept this user; ErrUnavailable if there is
// nobody, or no room; the context's.
func Dial(ctx context.Context, network, addr string, cfg DialConfig) (*Client, error) {
	timeout := cfg.Timeout
	if timeout <= 0 {
		timeout = 5 * time.Second
	}
	deadline := time.Now().Add(timeout)
	dialer := net.Dialer{Deadline: deadline}
	conn, err := cfg.connect(ctx, &dialer, network, addr)
	if err != nil {
		return nil, dialError(ctx, addr, err)
	}
	conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(aLongTimeAgo) })
	options := handshakeOptions{}
	options.setText(optionCodec, cfg.Codec)
	w, in, files, err := greet(conn, cfg.AuthKey, options)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		for _, f := range files {
			f.Close()
		}
		return nil, dialError(ctx, addr, err)
	}
	conn.SetDeadline(time.Time{})

	c := &Client{
		t: newSocket(conn, in, 0), log: cfg.Logger, hangup: newHangup(conn),
		epoch: w.epoch, payload: w.payload, files: files, depth: int(w.depth), frame: in.limit,
		calls: map[uint64]*call{}, abandoned: map[uint64]struct{}{}, done: make(chan struct{}),
	}
	copy(c.session[:], w.session)
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.hangup != nil {
		c.helpers.Go(c.watchHangup)
	}
	return c, nil
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

// Welcome returns what the coordinator's Config.Welcome gave this client. The
// files belong to the caller, and Close does not close them.
func (c *Client) Welcome() (payload []byte, files []*os.File) { return c.payload, c.files }

// Session is the id that the coordinator gave this client.
func (c *Client) Session() [16]byte { return c.session }

// Epoch is a random number that the coordinator drew when it started.
func (c *Client) Epoch() uint64 { return c.epoch }

// Done is closed when the connection has ended, whoever ended it. On Linux
// that is noticed at once; elsewhere, by a client without calls in flight,
// with the next call.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close ends the connection and the session with it. Calls in flight return
// an error that wraps ErrClosed.
func (c *Client) Close() error {
	c.shut(errs.ErrClosed)
	if c.hangup != nil {
		c.hangup.close()
	}
	c.t.close()
	c.helpers.Wait()
	return nil
}

// Open returns a handle to the object called name, which Call takes, and which
// is this client's until Release. params goes to the kind's New where the
// object is created; nil for none.
//
// Errors: ErrType if the name belongs to another kind or element type, ErrExists
// in mode Exclusive if it is taken, ErrNotFound in mode Attach if it is not,
// and for a kind that the coordinator does not know; ErrName, ErrTooLarge for
// bad names; ErrNoMemory; what New returns.
func (c *Client) Open(ctx context.Context, kind, name, typ string, params []byte, mode Mode) (handle uint64, err error) {
	handle, _, err = c.OpenDetails(ctx, kind, name, typ, params, mode)
	return handle, err
}

// OpenDetails is Open, and returns what the kind tells about the object: one
// CBOR item.
func (c *Client) OpenDetails(ctx context.Context, kind, name, typ string, params []byte, mode Mode) (handle uint64, details []byte, err error) {
	if params == nil {
		params = []byte{cborNull}
	}
	args := AppendArray(nil, 5)
	args = AppendText(args, kind)
	args = AppendText(args, name)
	args = AppendText(args, typ)
	args = append(args, params...)
	args = AppendUint(args, uint64(mode))
	out, err := c.Call(ctx, serverObject, "open", args, nil)
	if err != nil {
		return 0, nil, err
	}
	r := NewReader(out)
	r.Args(4)
	handle = r.Uint()
	r.Bool() // created
	r.Text() // the element type
	details = r.Raw()
	return handle, details, r.Err()
}

// FrameLimit is the size, in bytes, that neither a request nor a reply exceeds.
func (c *Client) FrameLimit() int { return c.frame }

// Release gives a handle back, once for each Open that returned it.
func (c *Client) Release(ctx context.Context, handle uint64) error {
	_, err := c.Call(ctx, serverObject, "release", AppendUint(AppendArray(nil, 1), handle), nil)
	return err
}

// Remove takes an object's name away; handles to it go on working. ErrNotFound:
// there is none of that name.
func (c *Client) Remove(ctx context.Context, name string) error {
	_, err := c.Call(ctx, serverObject, "remove", AppendText(AppendArray(nil, 1), name), nil)
	return err
}

// Ping makes a round trip.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.Call(ctx, serverObject, "ping", AppendArray(nil, 0), nil)
	return err
}

// Stats returns the coordinator's figures.
func (c *Client) Stats(ctx context.Context) (Stats, error) {
	out, err := c.Call(ctx, serverObject, "stats", AppendArray(nil, 0), nil)
	if err != nil {
		return Stats{}, err
	}
	r := NewReader(out)
	r.Args(6)
	s := Stats{
		Calls: r.Uint(), Sessions: int(r.Int()), Objects: int(r.Int()), Bytes: r.Int(),
		Accepted: r.Uint(), Refused: r.Uint(),
	}
	return s, r.Err()
}

// Objects ranges over all objects that there were when it began, in the order
// of their names. An error ends it.
func (c *Client) Objects(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		st, err := c.Stream(ctx, serverObject, "objects", AppendArray(nil, 0))
		if err != nil {
			yield(Info{}, err)
			return
		}
		defer st.Close()
		for batch, err := range st.All(ctx) {
			if err != nil {
				yield(Info{}, err)
				return
			}
			r := NewReader(batch)
			for range r.Array() {
				if info := readInfo(r); !yield(info, r.Err()) || r.Err() != nil {
					return
				}
			}
		}
	}
}

func readInfo(r *Reader) Info {
	r.Args(6)
	return Info{
		Name: r.Text(), Kind: r.Text(), Type: r.Text(),
		Len: int(r.Int()), Size: r.Int(), Sessions: int(r.Int()),
	}
}
