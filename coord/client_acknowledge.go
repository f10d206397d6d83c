package coord

// The coordinator keeps each reply until it knows that it has arrived. It is
// told along with requests, and now and then, so that a round trip costs
// nothing more; only for much that it keeps is there a message of its own.
const (
	ackReplies = 32
	ackBytes   = 64 << 10
	ackAtOnce  = 256 << 10
)

// worthAcknowledging is for the next request. c.mu is held.
func (c *Client) worthAcknowledging() bool {
	return c.link != nil && (c.received-c.acknowledged >= ackReplies || c.unread >= ackBytes)
}

// count counts a reply of n bytes. c.mu is held.
func (c *Client) count(l *link, n int) {
	c.received++
	c.unread += n
	if c.unread >= ackAtOnce {
		l.acknowledge(c.received)
		c.acknowledged, c.unread = c.received, 0
		l.t.flush()
	}
}
