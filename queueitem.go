package carom

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"sync"

	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/shm"
)

// itemForm is how a queue's items lie in memory.
type itemForm uint8

const (
	formEncoded itemForm = iota // CBOR
	formFixed                   // a copy of T
	formBytes                   // CBOR of a []byte: a header before the bytes themselves
	formText                    // CBOR of a string: likewise
)

func formOf[T any](layout codec.Layout) itemForm {
	switch t := reflect.TypeFor[T](); {
	case layout.Err == nil && layout.Size > 0:
		return formFixed
	case t == reflect.TypeFor[[]byte]():
		return formBytes
	case t == reflect.TypeFor[string]():
		return formText
	}
	return formEncoded
}

// putText puts b behind the CBOR header of its length, without a copy of both.
func putText(ctx context.Context, items *shm.Items, b []byte, major byte, wait bool) error {
	var head [9]byte
	if b == nil && major == codec.Bytes {
		return items.Put(ctx, nil, codec.Null, wait)
	}
	return items.Put(ctx, codec.AppendHead(head[:0], major, uint64(len(b))), b, wait)
}

// itemBuffers have room for every item that is copied under a queue's lock, where nobody looks
// for memory: others wait meanwhile.
var itemBuffers = sync.Pool{New: func() any { return bytes.NewBuffer(make([]byte, 0, shm.MaxInline)) }}

func putBuffer(b *bytes.Buffer) {
	if b.Cap() <= maxKept {
		b.Reset()
		itemBuffers.Put(b)
	}
}

func (q *Queue[T]) putEncoded(ctx context.Context, items *shm.Items, item T, wait bool) error {
	buf := itemBuffers.Get().(*bytes.Buffer)
	defer putBuffer(buf)
	if err := codec.EncodeTo(buf, item); err != nil {
		return err
	}
	return items.Put(ctx, nil, buf.Bytes(), wait)
}

// getText takes a byte string or a text, into the memory of into if it has room. It
// returns the whole item instead where that has another form.
func getText(ctx context.Context, items *shm.Items, wait bool, major byte, into []byte) (text, whole []byte, c shm.Claim, err error) {
	buf := itemBuffers.Get().(*bytes.Buffer)
	defer putBuffer(buf)
	raw := false
	c, err = items.Get(ctx, wait,
		func(b []byte) { // with the queue's lock held: nothing is allocated
			if body, ok := codec.CutHead(b, major); ok && into != nil && len(body) <= cap(into) {
				text = append(into[:0], body...)
			} else {
				raw = true
				buf.Write(b)
			}
		},
		func(b []byte) { text, whole = textOf(b, major, into) })
	if err == nil && raw {
		text, whole = textOf(buf.Bytes(), major, into)
	}
	return text, whole, c, err
}

func textOf(b []byte, major byte, into []byte) (text, whole []byte) {
	body, ok := codec.CutHead(b, major)
	switch {
	case !ok:
		return nil, bytes.Clone(b)
	case into != nil && len(body) <= cap(into):
		return append(into[:0], body...), nil
	}
	return bytes.Clone(body), nil
}

// decode is for items that were received as bytes.
func (q *Queue[T]) decode(b []byte, item *T) error {
	switch q.form {
	case formBytes:
		if text, _ := textOf(b, codec.Bytes, nil); text != nil {
			*shm.BytesIn(item) = text
			return nil
		}
	case formText:
		if text, _ := textOf(b, codec.Text, nil); text != nil {
			shm.SetText(item, text)
			return nil
		}
	}
	return decodeInto(b, item)
}

// getEncoded decodes a large item where it lies, and a small one from a copy, because
// the queue's lock is held while that is looked at.
func (q *Queue[T]) getEncoded(ctx context.Context, items *shm.Items, op string, wait bool, item *T) error {
	buf := itemBuffers.Get().(*bytes.Buffer)
	defer putBuffer(buf)
	large := false
	var decodeErr error
	claim, err := items.Get(ctx, wait,
		func(b []byte) { buf.Write(b) },
		func(b []byte) { large, decodeErr = true, decodeInto(b, item) })
	if err != nil {
		return q.failGet(op, err)
	}
	q.h.observe()
	place := q.claim(claim)
	if !large {
		decodeErr = decodeInto(buf.Bytes(), item)
	}
	return q.decoded(op, place, decodeErr)
}

// somewhere is an item's place among those that await TaskDone, where it is not known.
const somewhere = -1

// decoded is the error of an item that was taken and did not decode: nil if it did. place is
// what claim returned.
func (q *Queue[T]) decoded(op string, place int, err error) error {
	if err == nil {
		return nil
	}
	return q.h.fail(op, &undecodable{err: err, remark: remark(place)})
}

// remark says what becomes of an item that does not decode.
func remark(place int) string {
	switch {
	case place == 0:
		return "the item is lost, as the queue is not AtLeastOnce"
	case place == 1:
		return "the item awaits TaskDone"
	case place > 1:
		return fmt.Sprintf("the item awaits TaskDone, behind %d that were taken before it", place-1)
	}
	return "the item awaits TaskDone, behind those that were taken before it"
}

// decodeInto keeps *item off the heap, where it is another's variable.
func decodeInto[T any](b []byte, item *T) error {
	var t T
	err := codec.Decode(b, &t)
	if err == nil {
		*item = t
	}
	return err
}

// appendItem appends what an item's bytes in the queue are.
func (q *Queue[T]) appendItem(dst []byte, item T) ([]byte, error) {
	switch q.form {
	case formFixed:
		return append(dst, shm.BytesOfOne(&item)...), nil
	case formBytes:
		b := *shm.BytesIn(&item)
		if b == nil {
			return append(dst, codec.Null...), nil
		}
		return append(codec.AppendHead(dst, codec.Bytes, uint64(len(b))), b...), nil
	case formText:
		b := shm.TextIn(&item)
		return append(codec.AppendHead(dst, codec.Text, uint64(len(b))), b...), nil
	}
	buf := bytes.NewBuffer(dst)
	err := codec.EncodeTo(buf, item)
	return buf.Bytes(), err
}

// fromItem decodes an item that was taken.
func (q *Queue[T]) fromItem(b []byte) (item T, err error) {
	if q.form == formFixed {
		err = copyElement(&item, b)
	} else {
		err = q.decode(b, &item)
	}
	return item, err
}
