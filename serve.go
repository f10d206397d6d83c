package carom

import (
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/shm"
)

// Limits bound what clients can make a coordinator spend. The zero value of each field
// stands for the default that it names.
type Limits = coord.Limits

// ServeConfig is what a coordinator that runs on its own needs.
type ServeConfig struct {
	// Listen are the addresses to listen on, all at once: "unix:///path", "tcp://host:port"
	// on loopback, "tls://host:port". Default: a unix socket in a directory of its own.
	Listen  []string
	TLS     *tls.Config // for tls: a certificate; with ClientCAs and ClientAuth, clients need one too. TLS 1.3 at least
	AuthKey []byte      // default: CAROM_AUTHKEY, or the file that CAROM_AUTHKEY_FILE names
	Memory  int64       // budget of the arena in bytes; default as for Options
	Limits  Limits
	Codec   Codec // of arguments and results of registered types; default CBOR
	Logger  *slog.Logger
	Ready   func(addrs []string) // called when it serves, with where it listens
}

// Serve runs a coordinator in this process until ctx ends, then drains for at most
// grace and stops. Programs that Connect to it on this machine share its arena; for all
// others it performs the operations. Errors: ErrAuth without a key, for plaintext beyond
// loopback and for tls without a certificate; ErrExists where somebody listens already.
func Serve(ctx context.Context, c ServeConfig, grace time.Duration) error {
	if len(c.AuthKey) == 0 {
		var err error
		if c.AuthKey, err = keyFromEnv(); err != nil {
			return &OpError{Op: "serve", Err: err}
		}
	}
	if err := checkCodec(c.Codec); err != nil {
		return &OpError{Op: "serve", Err: err}
	}
	if c.Codec == nil {
		c.Codec = CBOR
	}
	if c.Memory == 0 {
		c.Memory = defaultMemory()
	}
	if len(c.Listen) == 0 {
		c.Listen = []string{""}
	}
	arena, err := shm.Create(c.Memory)
	if err != nil {
		return &OpError{Op: "serve", Err: err}
	}
	s, err := serve(arena, serveConfig{addrs: c.Listen, tls: c.TLS, key: c.AuthKey, limits: c.Limits, codec: c.Codec, logger: c.Logger})
	if err != nil {
		_ = arena.Close(context.Background())
		return &OpError{Op: "serve", Name: strings.Join(c.Listen, " "), Err: err}
	}
	if c.Ready != nil {
		c.Ready(s.addrs)
	}
	<-ctx.Done()
	arena.MarkClosed()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err = s.stop(drain)
	for _, addr := range s.addrs {
		if network, path, perr := parseAddr(addr); perr == nil && network == "unix" && !strings.HasPrefix(path, "@") {
			_ = os.Remove(path)
		}
	}
	return err
}
