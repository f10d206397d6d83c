package carom

import "time"

// An Option changes what a constructor makes. One that does not concern the
// kind of object is ErrType from the constructor, naming it.
type Option interface{ apply(*options) }

type options struct {
	exclusive   bool
	initial     any // Initial's value or InitialSlice's slice
	hasInitial  bool
	cap         int
	hasCap      bool
	atLeastOnce bool
	autoRecover bool
	permits     bool
	action      func() error
	timeout     time.Duration
	used        []string // names of the options given, for the check
}

type optionFunc struct {
	name string
	f    func(*options)
}

func (o optionFunc) apply(dst *options) {
	dst.used = append(dst.used, o.name)
	o.f(dst)
}

// Exclusive makes a constructor answer ErrExists instead of attaching to an
// object that is already there.
func Exclusive() Option {
	return optionFunc{"Exclusive", func(o *options) { o.exclusive = true }}
}

// Initial is a Value's first value, where the constructor creates it.
func Initial[T any](v T) Option {
	return optionFunc{"Initial", func(o *options) { o.initial, o.hasInitial = v, true }}
}

// InitialSlice is an Array's first content, where the constructor creates it.
// It may be shorter than the array, the rest is zero.
func InitialSlice[T any](s []T) Option {
	return optionFunc{"InitialSlice", func(o *options) { o.initial, o.hasInitial = s, true }}
}

// Cap bounds a queue to that many items; 0 means bounded by memory alone.
func Cap(items int) Option {
	return optionFunc{"Cap", func(o *options) { o.cap, o.hasCap = items, true }}
}

// AtLeastOnce makes a queue keep each item that was taken until TaskDone
// confirms it: items in the hands of a process that dies go back to the front.
func AtLeastOnce() Option {
	return optionFunc{"AtLeastOnce", func(o *options) { o.atLeastOnce = true }}
}

// AutoRecover makes a lock whose owner died go to the next locker without
// ErrOwnerDied.
func AutoRecover() Option {
	return optionFunc{"AutoRecover", func(o *options) { o.autoRecover = true }}
}

// Permits makes a Semaphore's units permits: what a process acquired and had
// not released when it died comes back.
func Permits() Option {
	return optionFunc{"Permits", func(o *options) { o.permits = true }}
}

// BarrierAction is run by the last party to arrive, before the others are
// released. It belongs to the handle, not to the shared object.
func BarrierAction(f func() error) Option {
	return optionFunc{"BarrierAction", func(o *options) { o.action = f }}
}

// BarrierTimeout bounds every Wait of this handle whose context has no
// deadline of its own.
func BarrierTimeout(d time.Duration) Option {
	return optionFunc{"BarrierTimeout", func(o *options) { o.timeout = d }}
}
