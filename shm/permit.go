package shm

// pushPermit and popPermit remember which permits this process acquired, so that a
// release finds one without a search. The semaphore's list is entered; the mutex is for
// the race detector, which does not see that.
func (o *Object) pushPermit(i uint32) {
	o.permitsMu.Lock()
	defer o.permitsMu.Unlock()
	o.permits = append(o.permits, i)
}

// holdsPermits reports that this process acquired permits and did not release them itself.
func (o *Object) holdsPermits() bool {
	o.permitsMu.Lock()
	defer o.permitsMu.Unlock()
	return len(o.permits) > 0
}

func (o *Object) popPermit(valid func(uint32) bool) (uint32, bool) {
	o.permitsMu.Lock()
	defer o.permitsMu.Unlock()
	for n := len(o.permits); n > 0; n = len(o.permits) {
		i := o.permits[n-1]
		o.permits = o.permits[:n-1]
		if valid(i) { // another process may have released it
			return i, true
		}
	}
	return 0, false
}
