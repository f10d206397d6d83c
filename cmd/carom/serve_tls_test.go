package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// authority signs certificates for a test.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	a := &authority{dir: t.TempDir(), cert: cert, key: key, n: 1}
	a.write(t, "ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) write(t *testing.T, name, kind string, der []byte) {
	require.NoError(t, os.WriteFile(a.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// issue writes name.pem and name.key.
func (a *authority) issue(t *testing.T, name string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	a.n++
	template := &x509.Certificate{SerialNumber: big.NewInt(a.n), Subject: pkix.Name{CommonName: name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	require.NoError(t, err)
	a.write(t, name+".pem", "CERTIFICATE", der)
	der, err = x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	a.write(t, name+".key", "EC PRIVATE KEY", der)
}

func (a *authority) client(t *testing.T, name string) *tls.Config {
	f := clientFiles{ca: a.path("ca.pem")}
	if name != "" {
		f.cert, f.key = a.path(name+".pem"), a.path(name+".key")
	}
	conf, err := f.config()
	require.NoError(t, err)
	return conf
}

// nextAddr reads one more "carom: serving" line.
func (s *server) nextAddr(t *testing.T) string {
	line, err := s.lines.ReadString('\n')
	require.NoError(t, err)
	addr, ok := strings.CutPrefix(line, "carom: serving ")
	require.True(t, ok, line)
	return strings.TrimSpace(addr)
}

func TestServeOnSeveralAddresses(t *testing.T) {
	ca := newAuthority(t)
	ca.issue(t, "server")
	ca.issue(t, "client")
	other := newAuthority(t)
	other.issue(t, "client")
	s := startServer(t, testKey, "-listen", "unix://"+filepath.Join(t.TempDir(), "c.sock"),
		"-listen", "tcp://127.0.0.1:0", "-listen", "tls://127.0.0.1:0", "-memory", "32MiB",
		"-cert", ca.path("server.pem"), "-key", ca.path("server.key"), "-client-ca", ca.path("ca.pem"))
	plain, secure := s.nextAddr(t), s.nextAddr(t)
	require.Regexp(t, `^tcp://127\.0\.0\.1:\d+$`, plain)
	require.Regexp(t, `^tls://127\.0\.0\.1:\d+$`, secure)

	ctx := t.Context()
	opts := carom.Options{AuthKey: []byte(testKey)}
	for i, addr := range []string{s.addr, plain, secure} {
		o := opts
		if addr == secure {
			o.TLS = ca.client(t, "client")
		}
		m, err := carom.Connect(ctx, addr, &o)
		require.NoError(t, err, addr)
		d, err := carom.NewDict[string, int](m, "shared")
		require.NoError(t, err)
		n, err := carom.AddKey(ctx, d, "clients", 1)
		require.NoError(t, err)
		require.Equal(t, i+1, n, "all reach one dict")
		require.NoError(t, m.Close())
	}

	for _, command := range []string{"ls", "doctor"} {
		r := runCarom(t, testKey, command, "-ca", ca.path("ca.pem"), "-cert", ca.path("client.pem"), "-key", ca.path("client.key"), secure)
		require.Equal(t, exitOK, r.code, r)
		require.Regexp(t, `(?m)^shared +Dict|^sound: 1 objects`, r.stdout, r)
	}

	refused := func(addr string, conf *tls.Config, key string, want error) {
		t.Helper()
		_, err := carom.Connect(ctx, addr, &carom.Options{AuthKey: []byte(key), TLS: conf})
		require.ErrorIs(t, err, want)
		require.ErrorContains(t, err, addr)
		require.NotContains(t, err.Error(), "\n", "said once")
	}
	refused(secure, nil, testKey, carom.ErrAuth)
	refused(secure, ca.client(t, "client"), "another key", carom.ErrAuth)
	refused(secure, ca.client(t, ""), testKey, carom.ErrAuth)          // shows no certificate
	refused(secure, other.client(t, "client"), testKey, carom.ErrAuth) // trusts another authority
	strange := other.client(t, "client")
	strange.RootCAs = ca.client(t, "").RootCAs
	refused(secure, strange, testKey, carom.ErrAuth) // shows one of another authority
	old := ca.client(t, "client")
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	refused(secure, old, testKey, carom.ErrUnavailable)
	refused(strings.Replace(secure, "tls:", "tcp:", 1), nil, testKey, carom.ErrUnavailable)
}

func TestServeRefuses(t *testing.T) {
	ca := newAuthority(t)
	ca.issue(t, "server")
	for _, c := range []struct {
		says string
		args []string
	}{
		{"plaintext is for loopback only", []string{"-listen", "tcp://0.0.0.0:0"}},
		{"plaintext is for loopback only", []string{"-listen", "unix://" + filepath.Join(t.TempDir(), "s"), "-listen", "tcp://192.0.2.1:7000"}},
		{"a certificate is required", []string{"-listen", "tls://127.0.0.1:0"}},
		{"wants both -cert and -key", []string{"-listen", "tls://127.0.0.1:0", "-cert", ca.path("server.pem")}},
		{"no such file", []string{"-listen", "tls://127.0.0.1:0", "-cert", ca.path("server.pem"), "-key", ca.path("absent")}},
		{"holds no certificate", []string{"-listen", "tls://127.0.0.1:0", "-cert", ca.path("server.pem"), "-key", ca.path("server.key"), "-client-ca", ca.path("server.key")}},
		{"unsupported", []string{"-listen", "quic://127.0.0.1:0"}},
		{"port", []string{"-listen", "tls://127.0.0.1", "-cert", ca.path("server.pem"), "-key", ca.path("server.key")}},
	} {
		r := runCarom(t, testKey, append([]string{"serve"}, c.args...)...)
		require.Equal(t, exitCannot, r.code, r)
		require.Contains(t, r.stderr, c.says, c.args)
	}
}
