// want T: the package declares NewT already

package p

import "github.com/carom-ipc/carom"

type t struct{}

func NewT() *t { return nil }

var ts = carom.Register[*t]("T", NewT)
