// want T: an option is not a call of one of carom

package p

import "github.com/carom-ipc/carom"

type t struct{}

var only = carom.NoCreate()

var ts = carom.Register[t]("T", nil, only)
