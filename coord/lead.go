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
// The invariant, whenever Client.mu is free: if a reply is expected, then
// there is a leader, or a caller that was nudged or is about to look.
//
// Two kinds of replies have no caller: those to abandoned calls, and the end
// of the connection that the hang-up watcher announced. For these a goroutine
// leads until there is nothing more to expect.

// elect finds a reader for the replies that are still to come. c.mu is held.
func (c *Client) elect() {
	if c.reading || c.err != nil {
		return
	}
	for _, w := range c.calls {
		w.nudge()
		return
	}
	if len(c.abandoned) > 0 || c.hungUp {
		c.reading = true
		c.helpers.Go(c.drain)
	}
}

// drain leads on nobody's behalf.
func (c *Client) drain() {
	c.lead(context.Background(), nil)
	c.mu.Lock()
	c.reading = false
	c.elect()
	c.mu.Unlock()
}

// lead reads replies until the one to w has come and no other is at hand,
// until ctx ends, or until the connection does. Without w, it reads until no
// abandoned call is left.
func (c *Client) lead(ctx context.Context, w *call) {
	if ctx.Done() != nil {
		interrupted := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			c.t.interrupt()
			close(interrupted)
		})
		defer func() {
			if !stop() {
				<-interrupted // or it would hit the next leader
				c.t.resume()
			}
		}()
	}
	finished := false
	for {
		body, err := c.t.readFrame()
		if errors.Is(err, errInterrupted) {
			return
		}
		if err == nil {
			var last bool
			last, err = c.deliver(body, w)
			finished = finished || last
		}
		if err != nil {
			c.shut(lost(err))
			return
		}
		if finished && !c.t.buffered() {
			return
		}
	}
}

// deliver hands a reply to the caller it is for, and reports whether leader
// has no reason to read on.
func (c *Client) deliver(body []byte, leader *call) (finished bool, err error) {
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
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.calls[p.id]
	if w == nil {
		if _, ok := c.abandoned[p.id]; !ok && c.err == nil {
			return false, fmt.Errorf("%w: a reply to request %d, which was not made", errs.ErrUnavailable, p.id)
		}
		delete(c.abandoned, p.id)
		return leader == nil && len(c.abandoned) == 0 && !c.hungUp, nil
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
func (c *Client) watchHangup() {
	if !c.hangup.wait() {
		return
	}
	c.mu.Lock()
	c.hungUp = true
	c.elect()
	c.mu.Unlock()
}
