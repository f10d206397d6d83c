package budget

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDefault(t *testing.T) {
	require.GreaterOrEqual(t, Default(), int64(64<<20))
	require.LessOrEqual(t, Default(), max(machineMemory()/4, 64<<20))
}
