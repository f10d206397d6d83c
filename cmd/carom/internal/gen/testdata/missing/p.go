// want Nope: no package variable is a carom.Register of "Nope" in package

package p

import "github.com/carom-ipc/carom"

var _ = carom.Init
