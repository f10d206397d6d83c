package budget

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQuarter(t *testing.T) {
	const machine = 8 << 30
	for name, c := range map[string]struct {
		limits []string
		want   int64
	}{
		"no cgroup":        {nil, machine / 4},
		"no limit":         {[]string{"max\n"}, machine / 4},
		"version 1":        {[]string{"9223372036854771712\n"}, machine / 4},
		"the least":        {[]string{"max\n", "1073741824\n", "4294967296\n"}, 256 << 20},
		"small":            {[]string{"67108864\n"}, 16 << 20},
		"nothing readable": {[]string{"", "?", "-1"}, machine / 4},
	} {
		t.Run(name, func(t *testing.T) {
			files := []string{filepath.Join(t.TempDir(), "missing")}
			for _, text := range c.limits {
				f := filepath.Join(t.TempDir(), "limit")
				require.NoError(t, os.WriteFile(f, []byte(text), 0o600))
				files = append(files, f)
			}
			require.Equal(t, c.want, quarter(machine, files))
		})
	}
	require.Positive(t, Default())
	require.LessOrEqual(t, Default(), machineMemory()/4)
}
