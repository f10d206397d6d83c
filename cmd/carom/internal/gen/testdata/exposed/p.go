// want T: option Exposed names Nope, which is no method

package p

import "github.com/carom-ipc/carom"

type t struct{}

var ts = carom.Register[t]("T", func() t { return t{} }, carom.Exposed("Nope"))
