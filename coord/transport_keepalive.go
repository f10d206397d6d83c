package coord

import (
	"net"
	"time"
)

// prepare sets what every TCP connection wants: small frames do not wait to
// become large ones, and a peer whose machine has gone, without a word, is
// noticed within keepAlive.
func prepare(conn net.Conn) {
	if tcp, ok := plainConn(conn).(*net.TCPConn); ok {
		tcp.SetNoDelay(true)
		tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: keepAlive / 4, Interval: keepAlive / 4, Count: 3})
	}
}

const keepAlive = 20 * time.Second
