package coord

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/carom-ipc/carom/internal/errs"
)

const (
	firstPause = 10 * time.Millisecond
	lastPause  = time.Second
)

// drop gives a connection up, for cause, and has the next one made.
func (c *Client) drop(l *link, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link != l || c.err != nil {
		return
	}
	c.link = nil
	c.log.Info("connection to the coordinator lost", "error", cause)
	c.helpers.Go(func() {
		l.close()
		c.reconnect()
	})
}

// reconnect tries, at once and then ever less often, until there is a
// connection, or no hope.
func (c *Client) reconnect() {
	var last error
	for pause := time.Duration(0); ; pause = min(max(2*pause, firstPause), lastPause) {
		if !c.rest(pause) {
			return
		}
		if c.cfg.Gone != nil {
			if err := c.cfg.Gone(last); err != nil {
				c.shut(lost(err))
				return
			}
		}
		l, w, files, err := c.connect(c.ctx)
		closeFiles(files) // those that came first are still good, or nobody wants any
		switch {
		case err == nil:
			c.install(l, w)
			return
		case errors.Is(err, errs.ErrAuth), errors.Is(err, errs.ErrType):
			c.shut(lost(err))
			return
		}
		last = err
		c.log.Debug("cannot connect to the coordinator", "error", err)
	}
}

// rest waits for about d, and reports false if the client has ended meanwhile.
// Many clients of one coordinator must not all come at the same moment.
func (c *Client) rest(d time.Duration) bool {
	if d > 0 {
		d = d/2 + rand.N(d/2)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// install makes l the connection: the session goes on, or a new one begins.
func (c *Client) install(l *link, w welcome) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		l.close()
		return
	}
	if w.resumed {
		c.carryOn(l, w)
	} else {
		c.beginAnew(l, w)
	}
	c.link = l
	if l.hangup != nil {
		c.helpers.Go(func() { c.watchHangup(l) })
	}
	if len(c.calls)+len(c.abandoned) > 0 {
		c.listen()
	}
	c.elect()
	c.mu.Unlock()
	l.t.flush()
}

// carryOn sends again what the coordinator has not taken. c.mu is held.
func (c *Client) carryOn(l *link, w welcome) {
	taken, _ := w.options.uint(optionTaken)
	c.acknowledged, c.unread = c.received, 0 // the hello said so
	for id := range c.abandoned {
		if id > taken {
			delete(c.abandoned, id) // it never arrived
		} else {
			l.cancel(id)
		}
	}
	for _, e := range c.ends {
		if taken <= e.after {
			l.notify("end", AppendUint(AppendArray(nil, 1), e.stream))
		}
	}
	var again []*call
	for id, q := range c.calls {
		switch {
		case id > taken && !q.cancelled:
			again = append(again, q)
		case id > taken:
			delete(c.calls, id)
			q.fail(context.Canceled)
		case q.cancelled:
			l.cancel(id)
		}
	}
	c.sendAgain(l, again)
}

// beginAnew is for the first session, and when the one before was lost. c.mu
// is held.
func (c *Client) beginAnew(l *link, w welcome) {
	if c.generation > 0 {
		c.log.Warn("the session was lost", "another coordinator", w.epoch != c.epoch)
	}
	c.generation++
	copy(c.session[:], w.session)
	c.epoch, c.payload = w.epoch, w.payload
	c.depth, c.frame = int(w.depth), int(min(w.frame, maxFrame))
	c.received, c.acknowledged, c.unread = 0, 0, 0
	clear(c.abandoned)
	c.ends = nil
	var again []*call
	for id, q := range c.calls {
		var err error
		switch {
		case q.sent:
			err = ErrLost
		case q.tied:
			err = ErrStale
		case len(q.frame)-frameHead > c.frame:
			err = errs.ErrTooLarge
		default:
			again = append(again, q)
			continue
		}
		delete(c.calls, id)
		q.fail(err)
	}
	c.sendAgain(l, again)
}

// sendAgain sends requests, or sends them for the first time, in their order.
func (c *Client) sendAgain(l *link, calls []*call) {
	slices.SortFunc(calls, func(a, b *call) int { return int(a.id) - int(b.id) })
	for _, q := range calls {
		c.send(q, l)
	}
}
