package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]size{
		"1": 1, "4096": 4096, "512MiB": 512 << 20, "512 mib": 512 << 20, "2G": 2 << 30, "1.5k": 1536, "10MB": 10e6, "3b": 3, "1TiB": 1 << 40,
	} {
		var s size
		require.NoError(t, s.Set(text), text)
		require.Equal(t, want, s, text)
	}
	for _, text := range []string{"", "0", "-1", "MiB", "12 parsecs", "9999999TiB", "1.2.3", "NaN"} {
		var s size
		require.Error(t, s.Set(text), text)
	}
}

func TestReadable(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1 << 30: "1.0 GiB", 3 << 19: "1.5 MiB"} {
		require.Equal(t, want, readable(n))
	}
}
