package coord

import (
	"cmp"
	"slices"
)

// handshakeOptions are what the two sides tell each other beside what every
// handshake holds: a map from text to any item. Unknown ones are ignored.
type handshakeOptions map[string][]byte

// Options that are defined. PROTOCOL.md has the table.
const (
	optionCodec    = "codec"    // both, text: how arguments and results of registered types are encoded
	optionResume   = "resume"   // hello, bool: the session is to outlive its connection
	optionReceived = "received" // hello that names a session, uint: how many replies have arrived
	optionAttempt  = "attempt"  // hello that names a session, uint: greater than that of every earlier one
	optionGrace    = "grace"    // welcome, uint: how long the session outlives its connection, in ms
	optionLane     = "lane"     // hello, text: what the client calls the lane that it made; welcome, bool: frames go there
	optionTaken    = "taken"    // welcome of a resumed session, uint: the last request that was taken
)

func (o handshakeOptions) setText(name, value string) {
	if value != "" {
		o[name] = AppendText(nil, value)
	}
}

func (o handshakeOptions) setUint(name string, value uint64) { o[name] = AppendUint(nil, value) }

func (o handshakeOptions) setBool(name string, value bool) { o[name] = AppendBool(nil, value) }

// bool is an option's value, false where it is missing or something else.
func (o handshakeOptions) bool(name string) bool { return NewReader(o[name]).Bool() }

// text is an option's value, "" where it is missing or something else.
func (o handshakeOptions) text(name string) string {
	r := NewReader(o[name])
	s := r.Text()
	if r.Err() != nil {
		return ""
	}
	return s
}

// uint is an option's value; ok is false where it is missing or something else.
func (o handshakeOptions) uint(name string) (n uint64, ok bool) {
	r := NewReader(o[name])
	n = r.Uint()
	return n, r.Err() == nil
}

// appendOptions writes the map with its keys in the order of the deterministic
// encoding: by their encoded bytes.
func appendOptions(dst []byte, o handshakeOptions) []byte {
	type item struct{ key, value []byte }
	items := make([]item, 0, len(o))
	for k, v := range o {
		items = append(items, item{AppendText(nil, k), v})
	}
	slices.SortFunc(items, func(a, b item) int {
		return cmp.Or(cmp.Compare(len(a.key), len(b.key)), slices.Compare(a.key, b.key))
	})
	dst = appendHead(dst, majorMap, uint64(len(items)))
	for _, i := range items {
		dst = append(append(dst, i.key...), i.value...)
	}
	return dst
}

// options takes a map; its values are copies.
func (r *Reader) options() handshakeOptions {
	n, _ := r.take(majorMap, "a map")
	o := handshakeOptions{}
	for range min(n, uint64(len(r.rest))) {
		key := r.Text()
		value := r.Raw()
		if r.err != nil {
			return nil
		}
		o[key] = append([]byte(nil), value...)
	}
	return o
}
