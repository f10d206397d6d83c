package coord

import (
	"errors"
	"fmt"
	"strings"

	"github.com/carom-ipc/carom/internal/errs"
)

// The envelope around every value after the handshake is read and written by
// hand: it is on the path of each call, and reflection would cost more than
// the call.
//
//	request  [id, object, method, arguments]
//	request  [id, object, method, arguments, received]
//	reply    [id, flags, value]
//
// Requests of one session have growing ids. An id of 0 asks for no reply. A
// reply's value is the result, or [code, message] of an error. received
// acknowledges: so many replies have arrived in this session.

const (
	flagError     = 1 << 0
	flagDuplicate = 1 << 1 // sent again, or late, in a session that was resumed
)

// serverObject is the object of requests to the coordinator itself.
const serverObject = 0

type request struct {
	id     uint64
	object uint64
	method []byte
	args   []byte // an array

	received uint64 // 0: nothing is acknowledged
}

type reply struct {
	id    uint64
	flags uint64
	value []byte
}

func appendRequest(dst []byte, id, object uint64, method string, args []byte) []byte {
	dst = AppendArray(dst, 4)
	dst = AppendUint(dst, id)
	dst = AppendUint(dst, object)
	dst = AppendText(dst, method)
	return append(dst, args...)
}

// appendReceived completes a request, the last in dst and begun at start, with
// an acknowledgement.
func appendReceived(dst []byte, start int, received uint64) []byte {
	dst[start]++ // the head of an array of four
	return AppendUint(dst, received)
}

// parseRequest checks and splits a frame. With an error that wraps
// ErrTooLarge, arguments nested too deeply, id is valid all the same.
func parseRequest(body []byte, depth int) (request, error) {
	r := Reader{rest: body}
	n := r.Array()
	q := request{id: r.Uint(), object: r.Uint(), method: r.str(majorText, "a method")}
	if r.err != nil || n < 4 {
		return request{}, errMalformed
	}
	rest := r.rest
	for i := range n - 3 { // the arguments, and what later versions append
		size, err := itemSize(rest, depth)
		if err != nil {
			return q, err
		}
		switch i {
		case 0:
			q.args = rest[:size:size]
		case 1:
			if q.received, err = readUint(rest); err != nil {
				return request{}, err
			}
		}
		rest = rest[size:]
	}
	if len(rest) > 0 || q.args[0]&0xe0 != majorArray {
		return request{}, errMalformed
	}
	return q, nil
}

func readUint(item []byte) (uint64, error) {
	h, err := readHead(item)
	if err != nil || h.major != majorUint {
		return 0, errMalformed
	}
	return h.arg, nil
}

// appendReply starts a successful reply; the result follows.
func appendReply(dst []byte, id uint64) []byte {
	dst = AppendArray(dst, 3)
	dst = AppendUint(dst, id)
	return AppendUint(dst, 0)
}

func parseReply(body []byte, depth int) (reply, error) {
	r := Reader{rest: body}
	n := r.Array()
	p := reply{id: r.Uint(), flags: r.Uint()}
	if r.err != nil || n < 3 {
		return reply{}, errMalformed
	}
	size, err := itemSize(r.rest, depth)
	if err != nil {
		return reply{}, errMalformed
	}
	p.value = r.rest[:size:size]
	return p, nil
}

// codeRemote marks an error that a method made up itself, rather than one of
// the sentinels that have a code.
const codeRemote = "remote"

// appendError appends the reply to a request that failed in method of an
// object of kind.
func appendError(dst []byte, id uint64, kind, method string, err error) []byte {
	dst = AppendArray(dst, 3)
	dst = AppendUint(dst, id)
	dst = AppendUint(dst, flagError)
	var remote *errs.RemoteError
	if !errors.As(err, &remote) {
		if code := errs.Code(err); code != "" {
			dst = AppendArray(dst, 2)
			dst = AppendText(dst, code)
			return AppendText(dst, err.Error())
		}
		remote = &errs.RemoteError{Type: kind, Method: method, Message: err.Error()}
	}
	dst = AppendArray(dst, 4)
	dst = AppendText(dst, codeRemote)
	dst = AppendText(dst, remote.Message)
	dst = AppendText(dst, remote.Type)
	return AppendText(dst, remote.Method)
}

// cutShort is err with texts of most bytes, for a reply that has room for no more.
func cutShort(err error, most int) error {
	cut := func(s string) string { return strings.ToValidUTF8(s[:min(len(s), most)], "") }
	var remote *errs.RemoteError
	if errors.As(err, &remote) {
		return &errs.RemoteError{Type: cut(remote.Type), Method: cut(remote.Method), Message: cut(remote.Message)}
	}
	return errs.FromCode(errs.Code(err), cut(err.Error()))
}

// parseError turns an error reply's value into the error.
func parseError(value []byte) error {
	r := Reader{rest: value}
	n := r.Array()
	code, message := r.Text(), r.Text()
	if r.err != nil {
		return fmt.Errorf("%w: %w", errs.ErrUnavailable, errMalformed)
	}
	if code != codeRemote {
		return errs.FromCode(code, message)
	}
	e := &errs.RemoteError{Message: message}
	if n >= 4 {
		e.Type, e.Method = r.Text(), r.Text()
	}
	return e
}
