// want T: a name is not a constant string

package p

import "github.com/carom-ipc/carom"

type t struct{}

var name = "T"

var ts = carom.Register[t](name, func() t { return t{} })
