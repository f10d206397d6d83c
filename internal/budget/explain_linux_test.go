package budget

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestExplain(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		says string
	}{
		"descriptors": {os.NewSyscallError("socketpair", unix.EMFILE), "ulimit -n"},
		"processes":   {&os.PathError{Op: "fork/exec", Path: "/proc/self/exe", Err: unix.EAGAIN}, "ulimit -u"},
		"unlimited":   {unix.ENOMEM, ""},
		"others":      {unix.EPERM, ""},
		"no limit":    {errors.New("of no system call"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := Explain(c.err)
			require.ErrorIs(t, err, c.err)
			if c.says == "" {
				require.Equal(t, c.err, err)
			} else {
				require.ErrorContains(t, err, c.says)
			}
		})
	}
	require.NoError(t, Explain(nil))
}
