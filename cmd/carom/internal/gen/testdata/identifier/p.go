// want a-b: the typeid "a-b" is no Go identifier

package p

import "github.com/carom-ipc/carom"

type t struct{}

var ts = carom.Register[t]("a-b", func() t { return t{} })
