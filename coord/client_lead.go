package coord

import (
	"context"
	"errors"
	"fmt"

	"github.com/carom-ipc/carom/internal/errs"
)

// Reading replies without a reader goroutine
//
// At most one goroutine reads at a time, the leader; Client.reading says that
// there is one. A caller that finds none becomes it, reads replies for
// everybody until its own has come, its context ends, or the connection does,
// and then elects another of the waiting callers. Nobody is ever sure of being
// elected: who is woken looks at the state under the lock, and a caller that
// arrives in between may lead in its stead.
//
// The invariant, whenever Client.mu is free: if a reply is expected and there is
// a connection, then there is a leader, or a caller that was nudged or is about
// to look. A leader of a connection that was given up meanwhile notices soon.
//
// Two kinds of replies have no caller: those to abandoned calls, and the end
// of the connection that the hang-up watcher announced. For these a goroutine
// leads until there is nothing more to expect.

// elect finds a reader for the replies that are still to come. c.mu is held.
func (c *Client) elect() {
	if c.reading || c.err != nil || c.link == nil {
		return
	}
	for _, w := range c.calls {
		w.nudge()
		return
	}
	if len(c.abandoned) > 0 || c.link.hungUp {
		c.reading = true
		l := c.link
		c.helpers.Go(func() { c.drain(l) })
	}
}

// drain leads on nobody's behalf.
func (c *Client) drain(l *link) {
	c.lead(context.Background(), l, nil)
	c.mu.Lock()
	c.reading = false
	c.elect()
	c.mu.Unlock()
}

// lead reads replies from l until the one to w has come and no other is at
// hand, until ctx ends, or until the connection does. Without w, it reads until
// no abandoned call is left.
func (c *Client) lead(ctx context.Context, l *link, w *call) {
	if ctx.Done() != nil {
		interrupted := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			l.t.interrupt()
			close(interrupted)
		})
		defer func() {
			if !stop() {
				<-interrupted // or it would hit the next leader
				l.t.resume()
			}
		}()
	}
	finished := false
	for {
		body, err := l.t.readFrame()
		switch {
		case errors.Is(err, errInterrupted):
			return
		case errors.Is(err, errMalformed), errors.Is(err, errs.ErrTooLarge):
			c.fail(err)
			return
		case err != nil:
			c.drop(l, err)
			return
		}
		last, err := c.deliver(l, body, w)
		if err != nil {
			if !errors.Is(err, errDropped) {
				c.fail(err)
			}
			return
		}
		finished = finished || last
		if finished && !l.t.buffered() {
			return
		}
	}
}

// fail is for a coordinator that breaks the protocol, or says that this client
// does: with another connection it would be the same.
func (c *Client) fail(err error) { c.shut(lost(err)) }

// errDropped: the connection was given up. What it brings now it will be
// brought again, by the next one.
var errDropped = errors.New("connection was given up")

// deliver hands a reply to the caller it is for, and reports whether leader
// has no reason to read on.
func (c *Client) deliver(l *link, body []byte, leader *call) (finished bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != l {
		return false, errDropped
	}
	p, err := parseReply(body, c.depth+replyNesting)
	if err != nil {
		return false, err
	}
	if p.id == 0 { // the coordinator is about to close the connection
		if p.flags&flagError != 0 {
			return false, parseError(p.value)
		}
		return false, nil
	}
	c.count(l, len(body))
	for len(c.ends) > 0 && c.ends[0].after < p.id {
		c.ends = c.ends[1:]
	}
	w := c.calls[p.id]
	if w == nil {
		late, ok := c.abandoned[p.id]
		if !ok {
			return false, fmt.Errorf("a reply to request %d, which was not made", p.id)
		}
		delete(c.abandoned, p.id)
		if late != nil && p.flags&flagError == 0 && c.err == nil {
			result := append([]byte(nil), p.value...)
			c.helpers.Go(func() { late(result) })
		}
		return leader == nil && len(c.abandoned) == 0 && !l.hungUp, nil
	}
	delete(c.calls, p.id)
	if p.flags&flagError != 0 {
		w.err = parseError(p.value)
	} else {
		w.dst = append(w.dst, p.value...)
	}
	w.done = true
	if w != leader {
		w.nudge()
	}
	return w == leader, nil
}

// replyNesting is how many levels results add around values of the greatest
// depth that the coordinator takes.
const replyNesting = 8

// watchHangup waits until the coordinator is gone, and has what it sent
// before read to the end: replies that arrived are not lost.
func (c *Client) watchHangup(l *link) {
	if !l.hangup.wait() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l.hungUp = true
	c.elect()
}
