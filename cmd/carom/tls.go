package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"os"
)

// serverFiles are the files that a coordinator's tls.Config is made of.
type serverFiles struct{ cert, key, clientCA string }

func (t *serverFiles) flags(f *flag.FlagSet) {
	f.StringVar(&t.cert, "cert", "", "")
	f.StringVar(&t.key, "key", "", "")
	f.StringVar(&t.clientCA, "client-ca", "", "")
}

// config is nil where no file was given. With clientCA, clients have to show a
// certificate that it signed.
func (t *serverFiles) config() (conf *tls.Config, err error) {
	if *t == (serverFiles{}) {
		return nil, nil
	}
	conf = &tls.Config{MinVersion: tls.VersionTLS13}
	if conf.Certificates, err = certificate(t.cert, t.key); err != nil {
		return nil, err
	}
	if t.clientCA != "" {
		conf.ClientCAs, err = certPool(t.clientCA)
		conf.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return conf, err
}

// clientFiles are those of a client's.
type clientFiles struct{ ca, cert, key string }

func (t *clientFiles) flags(f *flag.FlagSet) {
	f.StringVar(&t.ca, "ca", "", "")
	f.StringVar(&t.cert, "cert", "", "")
	f.StringVar(&t.key, "key", "", "")
}

// config trusts the system's authorities where no other is given.
func (t *clientFiles) config() (conf *tls.Config, err error) {
	conf = &tls.Config{MinVersion: tls.VersionTLS13}
	if t.ca != "" {
		if conf.RootCAs, err = certPool(t.ca); err != nil {
			return nil, err
		}
	}
	if t.cert != "" || t.key != "" {
		conf.Certificates, err = certificate(t.cert, t.key)
	}
	return conf, err
}

func certificate(cert, key string) ([]tls.Certificate, error) {
	if cert == "" || key == "" {
		return nil, errors.New("a certificate wants both -cert and -key")
	}
	c, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("the certificate: %w", err)
	}
	return []tls.Certificate{c}, nil
}

func certPool(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the certificate authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
}
