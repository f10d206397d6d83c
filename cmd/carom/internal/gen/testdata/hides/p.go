// want T: the method Name would hide the one that every handle has

package p

import "github.com/carom-ipc/carom"

type t struct{}

func (t) Name() string { return "" }

var ts = carom.Register[t]("T", func() t { return t{} })
