package carom

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/carom-ipc/carom/coord"
	"github.com/carom-ipc/carom/internal/codec"
	"github.com/carom-ipc/carom/internal/errs"
	"github.com/carom-ipc/carom/shm"
)

func (q *Queue[T]) openRemote(m *Manager, op, name, typ string, layout codec.Layout, opts []Option) error {
	o, err := readQueueOptions(shm.Queue, opts)
	if err == nil && q.form == formFixed {
		err = layout.CanTravel()
	}
	if err != nil {
		return (&handle{kind: shm.Queue, name: name}).wrap(op, err)
	}
	params := coord.AppendUint(coord.AppendArray(nil, 2), uint64(o.cap))
	params = coord.AppendBool(params, o.atLeastOnce)
	q.h, err = openRemoteHandle(m, op, shm.Queue, name, typ, o.exclusive, params)
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
			return append(dst, cborNull...), nil
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

func (q *Queue[T]) putRemote(ctx context.Context, op string, item T, wait bool) error {
	b, err := q.appendItem(nil, item)
	switch {
	case err != nil:
		return q.h.wrap(op, err)
	case wait:
		return q.h.ask(ctx, op, "put", nil, b)
	}
	return q.h.tell(op, "tryput", nil, b)
}

func (q *Queue[T]) putManyRemote(ctx context.Context, list []T) (int, error) {
	const op = "put many"
	done := 0
	for done < len(list) {
		var items []any
		for size := 0; done+len(items) < len(list) && size < q.h.r.piece && len(items) < maxPiece/16; {
			b, err := q.appendItem(nil, list[done+len(items)])
			if err != nil && len(items) == 0 {
				return done, q.h.wrap(op, err)
			}
			if err != nil || len(items) > 0 && size+len(b) > q.h.r.piece {
				break // what comes before goes first
			}
			items = append(items, b)
			size += len(b)
		}
		stored := 0
		var why error
		err := q.h.ask(ctx, op, "putmany", func(in *coord.Reader) error {
			in.Args(2)
			stored = int(in.Uint())
			if !in.Null() {
				in.Args(2)
				code, text := in.Text(), in.Text()
				why = errs.FromCode(code, text)
			}
			return nil
		}, items...)
		if err == nil && why != nil {
			err = q.h.ended(ctx, op, q.h.wrap(op, why))
		}
		done += stored
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// getRemote uses the memory of a []byte again, as it does where the queue is mapped.
func (q *Queue[T]) getRemote(ctx context.Context, op string, wait bool, item *T) error {
	b, err := q.h.takeRemote(ctx, op, wait)
	if err != nil {
		return err
	}
	if q.form == formBytes {
		into := shm.BytesIn(item)
		if body, whole := textOf(b, codec.Bytes, *into); whole == nil {
			*into = body
			return nil
		}
	}
	got, err := q.fromItem(b)
	if err == nil {
		*item = got
	}
	return q.h.wrap(op, err)
}

// drained is io.EOF where that is the queue's and not a connection's.
func drained(err error) error {
	if errors.Is(err, io.EOF) && !errors.Is(err, ErrUnavailable) {
		return io.EOF
	}
	return err
}

// takeRemote takes an item's bytes. io.EOF stays as it is.
func (h *handle) takeRemote(ctx context.Context, op string, wait bool) (b []byte, err error) {
	if wait {
		err = h.ask(ctx, op, "get", intoBytes(&b))
	} else {
		err = h.tell(op, "tryget", intoBytes(&b))
	}
	return b, drained(err)
}

// getManyRemote fills list with what is there, one reply at a time.
func (q *Queue[T]) getManyRemote(ctx context.Context, list []T) (n int, err error) {
	const op = "get many"
	var wrong error
	err = q.h.ask(ctx, op, "getmany", func(in *coord.Reader) error {
		for range min(in.Array(), len(list)) {
			item, err := q.fromItem(in.Bytes())
			if err != nil {
				wrong = errors.Join(wrong, fmt.Errorf("item %d: %w", n, err))
				continue
			}
			list[n] = item
			n++
		}
		return nil
	}, uint64(len(list)))
	if err != nil {
		return n, drained(err)
	}
	return n, q.h.wrap(op, wrong)
}

func (h *handle) lenRemote() (n int) {
	_ = h.look("len", "len", intoInt(&n))
	return n
}

// capRemote is the first of a queue's details.
func (h *handle) capRemote() int { return int(h.details().Uint()) }
