package carom

import (
	"errors"
	"fmt"
)

// undecodable is the error of a part of a result that does not fit its type: an item that a
// queue gave, an entry of a dict. It says which, and the parts behind it are sound.
type undecodable struct {
	part   string // "item 3", "key x"
	err    error  // an ErrType
	remark string // what became of it
}

func (u *undecodable) Error() string {
	text := u.err.Error()
	if u.part != "" {
		text = u.part + ": " + text
	}
	if u.remark != "" {
		text += ": " + u.remark
	}
	return text
}

func (u *undecodable) Unwrap() error { return u.err }

func isUndecodable(err error) bool {
	var u *undecodable
	return errors.As(err, &u)
}

// unfit collects what of a result does not decode, where the rest is returned.
type unfit struct {
	first error
	more  int
}

func (u *unfit) add(err error) {
	if u.first == nil {
		u.first = err
	} else {
		u.more++
	}
}

// err names the first of them.
func (u *unfit) err() error {
	if u.more > 0 {
		return fmt.Errorf("%w; and %d more", u.first, u.more)
	}
	return u.first
}
