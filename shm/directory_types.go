package shm

import (
	"fmt"
	"hash/fnv"

	"github.com/carom-ipc/carom/internal/atom"
	"github.com/carom-ipc/carom/internal/errs"
)

// typeEntry names an element type: the text of its signature, found by its hash.
// Types are only ever added; typeCount publishes them.
type typeEntry struct {
	hash uint64
	at   uint32 // in the text region
	size uint32
}

func (a *Arena) typeEntry(i uint32) *typeEntry {
	return at[typeEntry](a, typesAt+typeSize*uint64(i))
}

// typeIndex returns the place of a signature, plus one; 0 for none. Preconditions:
//   - the arena's lock is held.
func (a *Arena) typeIndex(signature string) (uint32, error) {
	if signature == "" {
		return 0, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if i, ok := a.types[signature]; ok {
		return i, nil
	}
	f := fnv.New64a()
	_, _ = f.Write([]byte(signature))
	hash := f.Sum64()
	h := a.head()
	n := min(h.typeCount, maxTypes)
	for i := range n {
		if t := a.typeEntry(i); t.hash == hash && a.typeText(i+1) == signature {
			a.types[signature] = i + 1
			return i + 1, nil
		}
	}
	if n == maxTypes || uint64(h.typeText)+uint64(len(signature)) > maxTypeText {
		return 0, fmt.Errorf("%d element types: %w", n, errs.ErrNoMemory)
	}
	t := a.typeEntry(n)
	atom.Copy(a.bytes(typeTextAt+uint64(h.typeText), uint64(len(signature))), []byte(signature))
	atom.Put64(&t.hash, hash)
	atom.Put32(&t.at, h.typeText)
	atom.Put32(&t.size, uint32(len(signature)))
	atom.Put32(&h.typeText, h.typeText+uint32(len(signature)))
	atom.Store32(&h.typeCount, n+1)
	a.types[signature] = n + 1
	return n + 1, nil
}

// typeText is the signature at a place, "" for none.
func (a *Arena) typeText(i uint32) string {
	if i == 0 || i > min(atom.Load32(&a.head().typeCount), maxTypes) {
		return ""
	}
	t := a.typeEntry(i - 1)
	if uint64(t.at)+uint64(t.size) > maxTypeText {
		return ""
	}
	return string(a.bytes(typeTextAt+uint64(t.at), uint64(t.size)))
}
