package endpoint

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/internal/errs"
)

func TestParse(t *testing.T) {
	for addr, want := range map[string][2]string{
		"unix:///run/s":         {"unix", "/run/s"},
		"unix://@abstract":      {"unix", "@abstract"},
		"tcp://127.0.0.1:1":     {"tcp", "127.0.0.1:1"},
		"tcp://[::1]:1":         {"tcp", "[::1]:1"},
		"tcp://localhost:1":     {"tcp", "localhost:1"},
		"tls://example.org:443": {"tls", "example.org:443"},
	} {
		network, address, err := Parse(addr)
		require.NoError(t, err, addr)
		require.Equal(t, want, [2]string{network, address})
	}
	for addr, want := range map[string]error{
		"":                                    nil,
		"/run/s":                              nil,
		"unix://":                             nil,
		"unix://@":                            nil,
		"unix:///" + strings.Repeat("p", 107): errs.ErrTooLarge,
		"unix://@" + strings.Repeat("n", 108): errs.ErrTooLarge,
		"tcp://localhost":                     nil,
		"tls://example.org":                   nil,
		"tcp://0.0.0.0:1":                     errs.ErrAuth,
		"tcp://host:1":                        errs.ErrAuth,
		"http://host:1":                       errors.ErrUnsupported,
	} {
		_, _, err := Parse(addr)
		require.Error(t, err, addr)
		if want != nil {
			require.ErrorIs(t, err, want, addr)
		}
	}
}
