package coord

import (
	"errors"
	"time"
)

// A connection can end without a sign: behind a proxy that swallows, or with a
// machine that is gone. While calls are in flight a timer looks now and then
// whether anything has come; if not, it asks the coordinator for an answer, and
// gives the connection up if there is none. It stops when it finds no call in
// flight, and so costs an idle client nothing and a busy one next to nothing.
//
// Without calls in flight, TCP's own keepalive has to do.

var errSilent = errors.New("the coordinator did not answer")

// checks is how often the timer looks within DialConfig.Silence.
const checks = 2

// listen sees to it that the timer is running. c.mu is held.
func (c *Client) listen() {
	if c.listening || c.cfg.Silence < 0 {
		return
	}
	c.listening = true
	c.link.quiet = 0
	if c.timer == nil {
		c.timer = time.AfterFunc(c.cfg.Silence/checks, c.look)
	} else {
		c.timer.Reset(c.cfg.Silence / checks)
	}
}

// look is the timer's.
func (c *Client) look() {
	c.mu.Lock()
	l := c.link
	if c.err != nil || l == nil || len(c.calls)+len(c.abandoned) == 0 {
		c.listening = false
		c.mu.Unlock()
		return
	}
	read, written := l.t.moved()
	sending := written != l.written && l.t.queued() > 0 // it takes what it is sent, which may be much
	if read != l.read || sending {
		l.quiet = 0
	} else {
		l.quiet++
	}
	l.read, l.written = read, written
	silent := l.quiet > 2*checks-1
	if l.quiet == checks {
		c.ping(l)
	}
	c.timer.Reset(c.cfg.Silence / checks)
	c.mu.Unlock()
	if silent {
		c.drop(l, errSilent)
	}
}

// ping makes a request whose reply nobody waits for. c.mu is held.
func (c *Client) ping(l *link) {
	c.lastID++
	c.abandoned[c.lastID] = nil
	frame, _ := endFrame(appendRequest(beginFrame(nil), c.lastID, serverObject, "ping", AppendArray(nil, 0)), 0, maxFrame)
	l.t.add(frame)
	l.t.flush()
	c.elect()
}
