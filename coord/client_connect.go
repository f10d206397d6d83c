package coord

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
)

// connect makes the connection below a client: to a unix socket, by TCP, or by
// TLS over it. Waiting for small frames to become large ones is nothing for
// requests and replies: TCP_NODELAY is on, as package net has it by default.
func (c *DialConfig) connect(ctx context.Context, d *net.Dialer, network, addr string) (net.Conn, error) {
	if c.Connect != nil {
		return c.Connect(ctx)
	}
	if network != "tls" {
		return d.DialContext(ctx, network, addr)
	}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	conf := c.TLS.Clone()
	if conf == nil {
		conf = &tls.Config{}
	}
	if conf.ServerName == "" {
		conf.ServerName, _, _ = net.SplitHostPort(addr)
	}
	return tls.Client(conn, SecureTLS(conf)), nil
}

// SecureTLS makes TLS 1.3 the least version of conf, and returns it.
func SecureTLS(conf *tls.Config) *tls.Config {
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS13)
	return conf
}

// plainConn is the socket below a connection.
func plainConn(conn net.Conn) net.Conn {
	switch c := conn.(type) {
	case *tls.Conn:
		return c.NetConn()
	case *laneConn:
		return c.Conn
	}
	return conn
}

// isDistrust reports that one side does not accept the other's certificate.
func isDistrust(err error) bool {
	var ours *tls.CertificateVerificationError
	var theirs *net.OpError // how crypto/tls reports an alert that it was sent
	return errors.As(err, &ours) || errors.As(err, &theirs) && theirs.Op == "remote error"
}
