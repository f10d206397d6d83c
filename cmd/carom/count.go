package main

import (
	"io"
	"os"
	"path/filepath"
)

// lengths is the number of bins of the histogram of line lengths: one for each length
// in bytes, the last for all that are longer.
const lengths = 256

// counts are what is counted in files.
type counts struct {
	Files int64 `json:"files"`
	Lines int64 `json:"lines"`
	Bytes int64 `json:"bytes"`
	Words int64 `json:"words"`
}

func (c *counts) add(d counts) {
	c.Files += d.Files
	c.Lines += d.Lines
	c.Bytes += d.Bytes
	c.Words += d.Words
}

// measure counts what is in data. A line ends with a newline or the end of the data,
// a word with a blank.
func measure(data []byte, histogram *[lengths]int64) counts {
	c := counts{Files: 1, Bytes: int64(len(data))}
	inWord, start := false, 0
	for i, b := range data {
		if b > ' ' {
			inWord = true
			continue
		}
		if inWord {
			inWord = false
			c.Words++
		}
		if b == '\n' {
			c.Lines++
			histogram[min(i-start, lengths-1)]++
			start = i + 1
		}
	}
	if inWord {
		c.Words++
	}
	if start < len(data) {
		c.Lines++
		histogram[min(len(data)-start, lengths-1)]++
	}
	return c
}

// An extension is a file name's, in a form of fixed size. One that does not fit is no
// extension that anybody would look for, and goes with those that have none.
type extension [16]byte

func extensionOf(path string) (e extension) {
	if ext := filepath.Ext(path); len(ext) <= len(e) {
		copy(e[:], ext)
	}
	return e
}

func (e extension) String() string {
	for i, b := range e {
		if b == 0 {
			return string(e[:i])
		}
	}
	return string(e[:])
}

// A name is a file's, in a form of fixed size.
type name struct {
	Len  uint16
	Text [254]byte
}

func nameOf(path string) (n name) {
	n.Len = uint16(copy(n.Text[:], filepath.Base(path)))
	return n
}

func (n name) String() string { return string(n.Text[:n.Len]) }

// longer orders names by length; of two that are equally long, the first in the
// alphabet wins, so that the order in which they are met does not matter.
func (n name) longer(than name) bool {
	if n.Len != than.Len {
		return n.Len > than.Len
	}
	return n.String() < than.String()
}

// read returns a file's content, in buf if it fits.
func read(path string, buf []byte) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return buf, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return buf, err
	}
	buf = buf[:0]
	if n := int(fi.Size()) + 1; n > cap(buf) {
		buf = make([]byte, 0, n)
	}
	for {
		n, err := f.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return buf, err
		}
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
	}
}
