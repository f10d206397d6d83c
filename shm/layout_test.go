package shm

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom/futex"

	"github.com/carom-ipc/carom/internal/naming"
)

// The tables in the comments say these; a change of any is a new layoutVersion.
func TestLayout(t *testing.T) {
	require.EqualValues(t, 16, unsafe.Sizeof(futex.Mutex{}))
	require.EqualValues(t, 4, unsafe.Sizeof(futex.Event{}))
	require.EqualValues(t, 4, unsafe.Sizeof(futex.Notifier{}))
	require.EqualValues(t, slotSize, unsafe.Sizeof(slot{}))
	require.EqualValues(t, entrySize, unsafe.Sizeof(entry{}))
	require.EqualValues(t, chunkDesc, unsafe.Sizeof(chunk{}))
	require.EqualValues(t, typeSize, unsafe.Sizeof(typeEntry{}))
	require.EqualValues(t, blockHeadSize, unsafe.Sizeof(blockHead{}))
	longest := blockHead{sizes: sizesOf(naming.Max, maxChunks*chunkSize)}
	require.EqualValues(t, naming.Max, longest.nameLen())
	require.EqualValues(t, maxChunks*chunkSize, longest.payload())
	require.EqualValues(t, 32, nodeSize)
	require.LessOrEqual(t, unsafe.Sizeof(record{}), uintptr(recordLen))
	require.LessOrEqual(t, unsafe.Sizeof(header{}), uintptr(page))
	require.EqualValues(t, len(classes), numClasses)

	// Words of different writers are two cache lines apart, or in lines of their own.
	var h header
	require.GreaterOrEqual(t, unsafe.Offsetof(h.entryCount)-unsafe.Offsetof(h.lock), uintptr(128))
	require.Zero(t, unsafe.Offsetof(h.serial)%8)
	var q queueHead
	require.Zero(t, (queuePad+blockHeadSize)%64)
	require.Zero(t, unsafe.Offsetof(q.tail)%64)
	require.Zero(t, unsafe.Offsetof(q.head)%64)
	require.GreaterOrEqual(t, unsafe.Offsetof(q.tail), uintptr(128))
	require.GreaterOrEqual(t, unsafe.Offsetof(q.head)-unsafe.Offsetof(q.tail), uintptr(128))
	require.GreaterOrEqual(t, unsafe.Offsetof(q.base)-unsafe.Offsetof(q.head), uintptr(128))
	require.Zero(t, (arrayAt+blockHeadSize)%64)
}

func TestClasses(t *testing.T) {
	for c, size := range classes {
		require.LessOrEqual(t, classFirst[c]+classBlocks[c]*size, uint32(chunkSize))
		require.GreaterOrEqual(t, classFirst[c], 4*classBlocks[c])
		require.Zero(t, size%64)
		got, ok := classOf(uint64(size))
		require.True(t, ok)
		require.EqualValues(t, c, got)
	}
	_, ok := classOf(uint64(classes[numClasses-1]) + 1)
	require.False(t, ok)
}
