package cases

import "github.com/carom-ipc/carom"

// ways are how a client's calls get to the coordinator. Each has managers of its own, so
// that a case measures the way that its name says: its options force it.
var ways = []struct {
	name    string
	options carom.Options
}{
	{"socket", carom.Options{Memory: 64 << 20, NoLane: true}},
	{"lane", carom.Options{Memory: 64 << 20}},
}

// Ways are their names.
func Ways() (names []string) {
	for _, w := range ways {
		names = append(names, w.name)
	}
	return names
}
