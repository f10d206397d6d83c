package coord

import (
	"context"
	"iter"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/carom-ipc/carom/internal/errs"
)

// Client is a session with a coordinator. All methods may be called
// concurrently; requests share the connection and do not wait for each other.
//
// A connection that is lost is made anew, and the session goes on: what was
// asked for is carried out once, references, streams and locks stay. While
// there is no connection, calls wait until their contexts end. The coordinator
// keeps a session without a connection for a few seconds (Limits.Grace); after
// that, or if it is another coordinator by now, there is a new session, of the
// next Generation, in which the handles of the one before mean nothing.
//
// There is no goroutine that reads: of the callers that wait for replies, one
// reads for all. So a reply is handled by the goroutine that wants it, which
// saves a switch between two of them. See client_lead.go.
//
// Errors: what the coordinator answers keeps its identity (ErrNotFound, ErrType
// and so on); the context's error, unchanged, as soon as the context ends, or
// together with ErrUnavailable if there is no connection then; ErrUnavailable
// when the session was lost, or the coordinator is gone for good. A call that
// was cancelled on its way may have been carried out, unless Request.Wait was
// set.
type Client struct {
	network, addr string
	cfg           DialConfig
	log           *slog.Logger
	ctx           context.Context // ends with the client
	cancel        context.CancelFunc

	mu         sync.Mutex
	link       *link // nil while there is no connection
	session    [sessionSize]byte
	generation uint64
	attempt    uint64 // of the last connection
	epoch      uint64
	payload    []byte
	files      []*os.File
	depth      int
	frame      int // limit of the coordinator

	lastID    uint64
	calls     map[uint64]*call        // somebody waits for the reply
	abandoned map[uint64]func([]byte) // nobody does any more, but it will come; who wants to know of a result
	ends      []streamEnd             // that may not have arrived
	reading   bool                    // a goroutine is the leader

	received     uint64 // replies in this session
	acknowledged uint64 // of them, those that the coordinator knows of
	unread       int    // bytes of the others

	listening bool        // the timer is running
	timer     *time.Timer // nil before the first call

	err error

	helpers sync.WaitGroup
}

// Dial connects to the coordinator at addr ("unix": a path; "tcp" and "tls":
// host:port) and authenticates both sides. Errors: ErrAuth if the keys differ
// or the coordinator does not accept this user; ErrUnavailable if there is
// nobody, or no room; the context's.
func Dial(ctx context.Context, network, addr string, cfg DialConfig) (*Client, error) {
	c := &Client{
		network: network, addr: addr, cfg: cfg.withDefaults(),
		calls: map[uint64]*call{}, abandoned: map[uint64]func([]byte){},
	}
	c.log = c.cfg.Logger
	l, w, files, err := c.arrive(ctx)
	if err != nil {
		return nil, err
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.files = files
	c.install(l, w)
	return c, nil
}

// Welcome returns what the coordinator's Config.Welcome gave this client, in
// the session that it is in. The files came with the first one, belong to the
// caller, and Close does not close them.
func (c *Client) Welcome() (payload []byte, files []*os.File) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.payload, c.files
}

// Session is the id that the coordinator gave this client.
func (c *Client) Session() [16]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// Generation counts the sessions of the client, from 1. Handles and streams
// belong to the one in which they were opened.
func (c *Client) Generation() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.generation
}

// Epoch is the number of the coordinator's present life: see Config.Epoch.
func (c *Client) Epoch() uint64 {
	_, epoch := c.Life()
	return epoch
}

// Life is Generation and Epoch, of one moment.
func (c *Client) Life() (generation, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.generation, c.epoch
}

// Done is closed when the client is of no use any more: it was closed,
// DialConfig.Gone said so, or the coordinator did not accept it again.
func (c *Client) Done() <-chan struct{} { return c.ctx.Done() }

// Close ends the connection and the session with it. Calls in flight return
// an error that wraps ErrClosed.
func (c *Client) Close() error {
	c.shut(errs.ErrClosed)
	c.mu.Lock()
	l := c.link
	c.link = nil
	if l != nil {
		l.notify("bye", AppendArray(nil, 0))
	}
	c.mu.Unlock()
	if l != nil {
		l.t.flush()
		l.close()
	}
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
	handle, _, _, err = c.OpenDetails(ctx, kind, name, typ, params, mode)
	return handle, err
}

// OpenDetails is Open, and returns the object's identity, which no other object of the
// coordinator's directory has or had, and what the kind tells about the object: one
// CBOR item.
func (c *Client) OpenDetails(ctx context.Context, kind, name, typ string, params []byte, mode Mode) (handle uint64, id Identity, details []byte, err error) {
	if params == nil {
		params = []byte{cborNull}
	}
	args := AppendArray(nil, 5)
	args = AppendText(args, kind)
	args = AppendText(args, name)
	args = AppendText(args, typ)
	args = append(args, params...)
	args = AppendUint(args, uint64(mode))
	q := Request{Handle: serverObject, Method: "open", Args: args, Wait: true}
	q.Late = func(result []byte) { // nobody wants it any more
		r := NewReader(result)
		r.Args(5)
		if handle := r.Uint(); r.Err() == nil {
			_ = c.Release(context.Background(), handle)
		}
	}
	out, err := c.Do(ctx, q, nil)
	if err != nil {
		return 0, "", nil, err
	}
	r := NewReader(out)
	r.Args(5)
	handle = r.Uint()
	r.Bool() // created
	r.Text() // the element type
	details = r.Raw()
	id = Identity(r.Bytes())
	return handle, id, details, r.Err()
}

// FrameLimit is the size, in bytes, that neither a request nor a reply exceeds.
func (c *Client) FrameLimit() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.frame
}

// Release gives a handle back, once for each Open that returned it.
func (c *Client) Release(ctx context.Context, handle uint64) error {
	return c.ReleaseIn(ctx, c.Generation(), handle)
}

// ReleaseIn is Release in a certain session, of which handle is: ErrStale in any
// other.
func (c *Client) ReleaseIn(ctx context.Context, generation, handle uint64) error {
	_, err := c.Do(ctx, Request{Method: "release", Args: AppendUint(AppendArray(nil, 1), handle), Session: generation}, nil)
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
	r.Args(7)
	return Info{
		Name: r.Text(), Kind: r.Text(), Type: r.Text(),
		Len: int(r.Int()), Size: r.Int(), Sessions: int(r.Int()), ID: Identity(r.Bytes()),
	}
}
