// want T: Each: a parameter of type func() cannot come from another process

package p

import "github.com/carom-ipc/carom"

type t struct{}

func (t) Each(func()) {}

var ts = carom.Register[t]("T", func() t { return t{} }, carom.Exposed("Each"))
