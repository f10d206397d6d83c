package carom

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/carom-ipc/carom/internal/codec"
)

// Options say how a manager is made or reached. Every zero value is the documented
// default, and a nil *Options is all defaults.
type Options struct {
	// Addr is where the coordinator that Start launches listens: "unix:///path",
	// "unix://@name" in Linux's abstract namespace, or "tcp://host:port" on loopback. Default:
	// a unix socket in XDG_RUNTIME_DIR, if that is a directory that only this user may enter;
	// else an abstract name, at random, which needs no file system and which processes of this
	// network namespace reach. For tls, or several addresses, see Serve.
	Addr string
	// AuthKey is the secret that both ends of a connection prove to hold. Default: for
	// Start, random; workers get it through a private descriptor. For Connect, what
	// CAROM_AUTHKEY says, or the file that CAROM_AUTHKEY_FILE names; Logger gets a warning
	// if others than its owner can read that file.
	AuthKey []byte
	// TLS is required to Connect to "tls://host:port": how to know the coordinator, and
	// this client's certificate if it asks for one. TLS 1.3 is the least version.
	TLS *tls.Config
	// Command launches the coordinator: a program that calls Init first. Default: this
	// executable, if it called Init, else "carom serve" from PATH.
	Command []string
	// Memory is the arena's budget in bytes. Default: a quarter of what the machine, or
	// the process's cgroup, allows.
	Memory int64
	// Initializer names a function, registered with RegisterInitializer, that runs in
	// the coordinator before it serves, with InitArgs.
	Initializer string
	InitArgs    []any
	// Codec is for arguments and results of registered types. Default: CBOR; JSON is built
	// in as well, others need RegisterCodec where Start is to launch a coordinator that uses
	// them. One that is not the coordinator's is ErrType from Connect.
	Codec Codec
	// Remote uses the coordinator for every object, also where the memory could be mapped,
	// and so do the workers. Default: what CAROM_REMOTE says, "1" for true.
	Remote bool
	// NoLane keeps calls of the coordinator on its socket where they could go through the
	// arena: to compare the two.
	NoLane bool
	// Limits of the coordinator that Start launches.
	Limits Limits
	// Timeout bounds constructors, Start and Close. Default: 5 s.
	Timeout time.Duration
	// Logger gets what the coordinator has to say, and warnings. Default: discard.
	Logger *slog.Logger
}

const defaultTimeout = 5 * time.Second

func (o *Options) orDefault() Options {
	var c Options
	if o != nil {
		c = *o
	}
	c.Remote = c.Remote || os.Getenv("CAROM_REMOTE") == "1"
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	if c.Codec == nil {
		c.Codec = CBOR
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// check refuses what would be ignored otherwise.
func (o *Options) check() error {
	if o.Initializer == "" && len(o.InitArgs) > 0 {
		return fmt.Errorf("InitArgs without an Initializer to take them: %w", ErrType)
	}
	return codec.Check(o.Codec)
}

// An Option changes what a constructor makes. One that does not concern the
// kind of object is ErrType from the constructor, naming it.
type Option interface{ apply(*options) }

// kindOptions are the options that each kind's constructor takes beside Exclusive.
var kindOptions = map[string][]string{
	"Value":     {"Initial"},
	"Array":     {"InitialSlice"},
	"Queue":     {"Cap", "AtLeastOnce"},
	"ByteQueue": {"Cap"},
	"Lock":      {"AutoRecover"},
	"RLock":     {"AutoRecover"},
	"Semaphore": {"Permits"},
	"Barrier":   {"BarrierAction", "BarrierTimeout"},
}

// readOptions reads the options that a constructor of a kind was given; nil ones count for
// nothing.
func readOptions(kind string, opts []Option) (o options, err error) {
	for _, opt := range opts {
		if opt != nil {
			opt.apply(&o)
		}
	}
	for _, used := range o.used {
		if used != "Exclusive" && !slices.Contains(kindOptions[kind], used) {
			return o, fmt.Errorf("%w: a %s has no option %s", ErrType, kind, used)
		}
	}
	return o, nil
}

type options struct {
	exclusive   bool
	initial     any // Initial's value or InitialSlice's slice
	hasInitial  bool
	cap         int
	hasCap      bool
	atLeastOnce bool
	autoRecover bool
	permits     bool
	action      func() error
	timeout     time.Duration
	used        []string // names of the options given, for the check
}

type optionFunc struct {
	name string
	f    func(*options)
}

func (o optionFunc) apply(dst *options) {
	dst.used = append(dst.used, o.name)
	o.f(dst)
}

// Exclusive makes a constructor answer ErrExists instead of attaching to an
// object that is already there.
func Exclusive() Option {
	return optionFunc{"Exclusive", func(o *options) { o.exclusive = true }}
}

// Initial is a Value's first value, where the constructor creates it.
func Initial[T any](v T) Option {
	return optionFunc{"Initial", func(o *options) { o.initial, o.hasInitial = v, true }}
}

// InitialSlice is an Array's first content, where the constructor creates it.
// It may be shorter than the array, the rest is zero.
func InitialSlice[T any](s []T) Option {
	return optionFunc{"InitialSlice", func(o *options) { o.initial, o.hasInitial = s, true }}
}

// Cap bounds a queue to that many items; 0 means bounded by memory alone.
func Cap(items int) Option {
	return optionFunc{"Cap", func(o *options) { o.cap, o.hasCap = items, true }}
}

// AtLeastOnce makes a queue keep each item that was taken until TaskDone
// confirms it: items in the hands of a process that dies go back to the front.
func AtLeastOnce() Option {
	return optionFunc{"AtLeastOnce", func(o *options) { o.atLeastOnce = true }}
}

// AutoRecover makes a lock whose owner died go to the next locker without
// ErrOwnerDied.
func AutoRecover() Option {
	return optionFunc{"AutoRecover", func(o *options) { o.autoRecover = true }}
}

// Permits makes a Semaphore's units permits: what a process acquired and had
// not released when it died comes back.
func Permits() Option {
	return optionFunc{"Permits", func(o *options) { o.permits = true }}
}

// BarrierAction is run by the last party to arrive, before the others are
// released. It belongs to the handle, not to the shared object.
func BarrierAction(f func() error) Option {
	return optionFunc{"BarrierAction", func(o *options) { o.action = f }}
}

// BarrierTimeout bounds every Wait of this handle whose context has no
// deadline of its own.
func BarrierTimeout(d time.Duration) Option {
	return optionFunc{"BarrierTimeout", func(o *options) { o.timeout = d }}
}
