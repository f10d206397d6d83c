package carom

func (e *Event) isSetRemote() (set bool) {
	_ = e.h.look("is set", "isset", intoBool(&set))
	return set
}
