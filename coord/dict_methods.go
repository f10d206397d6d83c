package coord

import (
	"fmt"

	"github.com/carom-ipc/carom/internal/errs"
)

// appendEntry appends [value, version].
func appendEntry(dst []byte, e *dictEntry) []byte {
	dst = append(AppendArray(dst, 2), e.value...)
	return AppendUint(dst, e.version)
}

// callGet is get [key] → [value, version] or null.
func (d *dict) callGet(r *Reader, dst []byte) ([]byte, error) {
	r.Args(1)
	key := r.Raw()
	if r.err != nil {
		return dst, r.err
	}
	if e := d.entries[string(key)]; e != nil {
		return appendEntry(dst, e), nil
	}
	return AppendNull(dst), nil
}

// callGetMany is getmany [key…] → [[value, version] or null, …].
func (d *dict) callGetMany(r *Reader, dst []byte, limit int) ([]byte, error) {
	n := r.Array()
	dst = AppendArray(dst, n)
	for range n {
		key := r.Raw()
		if r.err != nil {
			return dst, r.err
		}
		if e := d.entries[string(key)]; e != nil {
			dst = appendEntry(dst, e)
		} else {
			dst = AppendNull(dst)
		}
		if len(dst) > limit {
			return dst, tooLarge(limit)
		}
	}
	return dst, nil
}

// callContains is contains [key] → bool.
func (d *dict) callContains(r *Reader, dst []byte) ([]byte, error) {
	r.Args(1)
	_, ok := d.entries[string(r.Raw())]
	return AppendBool(dst, ok), r.err
}

// callSet is set [key, value] → version.
func (d *dict) callSet(r *Reader, dst []byte) ([]byte, error) {
	r.Args(2)
	key, value := r.Raw(), r.Raw()
	if r.err != nil {
		return dst, r.err
	}
	e, err := d.put(key, value)
	if err != nil {
		return dst, err
	}
	return AppendUint(dst, e.version), nil
}

// callSetDefault is setdefault [key, value] → [value, version, loaded].
func (d *dict) callSetDefault(r *Reader, dst []byte) ([]byte, error) {
	r.Args(2)
	key, value := r.Raw(), r.Raw()
	if r.err != nil {
		return dst, r.err
	}
	e, loaded := d.entries[string(key)]
	if !loaded {
		var err error
		if e, err = d.put(key, value); err != nil {
			return dst, err
		}
	}
	dst = append(AppendArray(dst, 3), e.value...)
	return AppendBool(AppendUint(dst, e.version), loaded), nil
}

// callUpdate is update [key, value, …] → null: all of them, or none.
func (d *dict) callUpdate(r *Reader, dst []byte) ([]byte, error) {
	n := r.Array()
	if r.err == nil && n%2 != 0 {
		return dst, fmt.Errorf("%w: a key without a value", errs.ErrType)
	}
	again, need := *r, int64(0)
	for range n / 2 {
		// Charged as if each key were new: what that is too much comes back
		// below, and nothing has to be undone.
		need += entryCost + int64(len(r.Raw())) + int64(len(r.Raw()))
	}
	if r.err != nil {
		return dst, r.err
	}
	if err := d.budget.Reserve(need); err != nil {
		return dst, err
	}
	before := d.size
	for range n / 2 {
		key, value := again.Raw(), again.Raw()
		d.store(d.entries[string(key)], key, value)
	}
	d.budget.Free(need - (d.size - before))
	return AppendNull(dst), nil
}

// callDelete is delete [key] → whether it was there.
func (d *dict) callDelete(r *Reader, dst []byte) ([]byte, error) {
	r.Args(1)
	key := r.Raw()
	if r.err != nil {
		return dst, r.err
	}
	e, ok := d.entries[string(key)]
	if ok {
		d.drop(e)
	}
	return AppendBool(dst, ok), nil
}

// callPop is pop [key] → [value, version] or null.
func (d *dict) callPop(r *Reader, dst []byte) ([]byte, error) {
	r.Args(1)
	key := r.Raw()
	if r.err != nil {
		return dst, r.err
	}
	e, ok := d.entries[string(key)]
	if !ok {
		return AppendNull(dst), nil
	}
	d.drop(e)
	return appendEntry(dst, e), nil
}

// callPopItem is popitem [] → [key, value, version] of the entry that was
// inserted last.
func (d *dict) callPopItem(dst []byte) ([]byte, error) {
	e := d.order.last()
	if e == nil {
		return dst, errEmptyDict
	}
	d.drop(e)
	return appendKeyed(dst, e), nil
}

var errEmptyDict = fmt.Errorf("%w: the dict is empty", errs.ErrNotFound)

// appendKeyed appends [key, value, version].
func appendKeyed(dst []byte, e *dictEntry) []byte {
	dst = append(AppendArray(dst, 3), e.key...)
	dst = append(dst, e.value...)
	return AppendUint(dst, e.version)
}

// callLast is last [] → [key, value, version] of the entry that was inserted last.
func (d *dict) callLast(dst []byte) ([]byte, error) {
	e := d.order.last()
	if e == nil {
		return dst, errEmptyDict
	}
	return appendKeyed(dst, e), nil
}

// callPopLast is poplast [version] → whether the entry that was inserted last was of the
// version, and was removed.
func (d *dict) callPopLast(r *Reader, dst []byte) ([]byte, error) {
	r.Args(1)
	version := r.Uint()
	if r.err != nil {
		return dst, r.err
	}
	e := d.order.last()
	ok := e != nil && e.version == version
	if ok {
		d.drop(e)
	}
	return AppendBool(dst, ok), nil
}

// callCAS is cas [key, version, value] → [true, new version, null], or what is
// there instead: [false, version, value]. Version 0 stands for a key that is
// not there, and comes with null.
func (d *dict) callCAS(r *Reader, dst []byte) ([]byte, error) {
	r.Args(3)
	key, version, value := r.Raw(), r.Uint(), r.Raw()
	if r.err != nil {
		return dst, r.err
	}
	e := d.entries[string(key)]
	if version != versionOf(e) {
		return appendUnchanged(dst, e), nil
	}
	e, err := d.put(key, value)
	if err != nil {
		return dst, err
	}
	return appendChanged(dst, e.version), nil
}

// callDeleteIf is deleteif [key, version] → what cas answers. The new version is the
// removal's.
func (d *dict) callDeleteIf(r *Reader, dst []byte) ([]byte, error) {
	r.Args(2)
	key, version := r.Raw(), r.Uint()
	if r.err != nil {
		return dst, r.err
	}
	e := d.entries[string(key)]
	if e == nil || version != e.version {
		return appendUnchanged(dst, e), nil
	}
	d.drop(e)
	return appendChanged(dst, d.clock), nil
}

// versionOf is 0 for an entry that is not there.
func versionOf(e *dictEntry) uint64 {
	if e == nil {
		return 0
	}
	return e.version
}

func appendChanged(dst []byte, version uint64) []byte {
	return AppendNull(AppendUint(AppendBool(AppendArray(dst, 3), true), version))
}

// appendUnchanged appends what there is instead of what was expected.
func appendUnchanged(dst []byte, e *dictEntry) []byte {
	dst = AppendUint(AppendBool(AppendArray(dst, 3), false), versionOf(e))
	if e == nil {
		return AppendNull(dst)
	}
	return append(dst, e.value...)
}

// callAdd is add [key, delta, type] → the sum, which is stored. A key that is
// not there counts as zero.
func (d *dict) callAdd(r *Reader, dst []byte) ([]byte, error) {
	r.Args(3)
	key, delta, typ := r.Raw(), r.Raw(), r.Text()
	if r.err != nil {
		return dst, r.err
	}
	old := []byte{majorUint} // 0
	if e := d.entries[string(key)]; e != nil {
		old = e.value
	}
	sum, err := addNumbers(old, delta, typ)
	if err != nil {
		return dst, err
	}
	if _, err := d.put(key, sum); err != nil {
		return dst, err
	}
	return append(dst, sum...), nil
}
