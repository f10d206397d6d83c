package carom

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/carom-ipc/carom/internal/codec"
)

// Options say how a manager is made or reached. Every zero value is the documented
// default, and a nil *Options is all defaults.
type Options struct {
	// Addr is where the coordinator that Start launches listens: "unix:///path", or
	// "tcp://host:port" on loopback. Default: a unix socket in a fresh directory that only
	// this user may enter. For tls, or several addresses, see Serve.
	Addr string
	// AuthKey is the secret that both ends of a connection prove to hold. Default: for
	// Start, random; workers get it through a private descriptor. For Connect, what
	// CAROM_AUTHKEY says, or the file that CAROM_AUTHKEY_FILE names.
	AuthKey []byte
	// TLS is required to Connect to "tls://host:port": who the coordinator must be, and
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
	// arena: for those who compare.
	NoLane bool
	// Limits of the coordinator that Start launches.
	Limits Limits
	// Timeout bounds constructors, Start and Close. Default: 5 s.
	Timeout time.Duration
	// Logger gets what the coordinator has to say. Default: discard.
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
