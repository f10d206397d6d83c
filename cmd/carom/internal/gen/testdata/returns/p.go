// want T: option Returns names Nope, which is no method that is exposed

package p

import "github.com/carom-ipc/carom"

type t struct{}

var ts = carom.Register[t]("T", func() t { return t{} }, carom.Returns("Nope", "T"))
