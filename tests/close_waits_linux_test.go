package tests

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carom-ipc/carom"
)

// staged is a row with two calls, on a handle each.
type staged struct {
	row   closeRow
	scene *closeScene
	h     [2]closer
	calls [2]*calling
	err   error
}

func (s *staged) wrong(format string, args ...any) {
	s.err = errors.Join(s.err, fmt.Errorf(format, args...))
}

// stage begins the calls, the second first where swap says so.
func (p *closePlace) stage(ctx context.Context, row closeRow, swap bool) *staged {
	name := p.name()
	s := &staged{row: row, scene: row.set(p, name)}
	s.scene.name = name
	for i := range 2 {
		if swap {
			i = 1 - i
		}
		h, f := s.scene.open()
		s.h[i], s.calls[i] = h, call(ctx, f)
	}
	return s
}

// within waits until both calls are where a grant finds them.
func (p *closePlace) within(s *staged) {
	if s.scene.inside != nil {
		eventually(p, s.row.String()+" is entered", func() bool { return s.scene.inside() == 2 })
	}
}

// granted has the second call succeed, given how the first ended.
func (s *staged) granted(first error, more bool, deadline time.Time) {
	if more {
		if err := s.scene.grant(); err != nil {
			s.wrong("a grant after the first call ended with %v: %w", first, err)
			return
		}
	}
	if err := s.calls[1].end(deadline); err != nil {
		s.wrong("the call on the handle that stays open: %w", err)
		return
	}
	if err := closed(s.h[1]); err != nil {
		s.wrong("the second handle: %w", err)
		return
	}
	if err := s.scene.check(); err != nil {
		s.wrong("after the first call ended with %v: %w", first, err)
	}
}

// clear closes the other handles of a row and removes its object. Its calls may be inside.
func (p *closePlace) clear(s *staged) { p.drop(s, s.scene.keep, []string{s.scene.name}) }

// finish closes what its calls may have needed, which have ended.
func (p *closePlace) finish(s *staged) { p.drop(s, s.scene.late, s.scene.later) }

func (p *closePlace) drop(s *staged, handles []closer, names []string) {
	for _, h := range handles {
		if err := closed(h); err != nil {
			s.wrong("another handle: %w", err)
		}
	}
	for _, name := range names {
		if err := p.base.Remove(p.Context(), name); err != nil {
			s.wrong("Remove: %w", err)
		}
	}
}

// closeEndsWaits has two calls wait for the same on two handles, for every method that can
// wait and all at once, and closes one handle of each pair. Its call ends with ErrClosed, the
// other goes on and gets what both waited for, and nothing is lost.
func closeEndsWaits(t *testing.T, p *closePlace) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rows := closeRows()
	p.rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	var all []*staged
	var calls []*calling
	for _, row := range rows {
		s := p.stage(ctx, row, p.intN(2) == 0)
		all, calls = append(all, s), append(calls, s.calls[0], s.calls[1])
	}
	for _, s := range all {
		p.within(s)
	}
	parked(t, calls...)
	for _, s := range all {
		for _, c := range s.calls {
			if !c.waits() {
				s.wrong("a call did not wait: %w", <-c.got)
			}
		}
	}
	begin := time.Now()
	for _, s := range all {
		if s.err == nil {
			if err := closed(s.h[0]); err != nil {
				s.wrong("%w", err)
			}
		}
	}
	took := time.Since(begin)
	deadline := time.Now().Add(promptly)
	for _, s := range all {
		if s.err != nil {
			continue
		}
		if err := s.calls[0].end(deadline); !errors.Is(err, carom.ErrClosed) {
			s.wrong("its handle was closed, and the call: %v", err)
		} else if !s.calls[1].waits() {
			s.wrong("the call on the handle that stays open ended as well: %v", <-s.calls[1].got)
		}
	}
	deadline = time.Now().Add(promptly)
	for _, s := range all {
		if s.err != nil {
			continue
		}
		if err := s.scene.grant(); err != nil {
			s.wrong("a grant: %w", err)
			continue
		}
		s.granted(carom.ErrClosed, s.scene.again == ifClosed, deadline)
		p.clear(s)
		p.finish(s)
	}
	t.Logf("%d handles closed after %v, the last call had ended after %v", len(all), took, time.Since(begin))
	report(t, all)
}

// report has a test for each row.
func report(t *testing.T, all []*staged) {
	slices.SortFunc(all, func(a, b *staged) int { return strings.Compare(a.row.String(), b.row.String()) })
	for _, s := range all {
		t.Run(s.row.String(), func(t *testing.T) {
			if s.err != nil {
				t.Error(s.err)
			}
		})
	}
}

// closeBesideGrant closes one of two handles on which calls wait at the same time as it
// gives them what they wait for. The first call has that or has ErrClosed, and then the second
// has it.
func closeBesideGrant(t *testing.T, p *closePlace) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rounds := 6
	if p.remote {
		rounds = 3
	}
	if raced {
		rounds = max(rounds/4, 1)
	}
	failed := map[string]*staged{}
	taken, refused := 0, 0
	for range rounds {
		for _, row := range closeRows() {
			if failed[row.String()] != nil || len(failed) > 1 { // each may have hung
				continue
			}
			s, first := p.besideGrant(ctx, row)
			switch {
			case s.err != nil:
				failed[row.String()] = s
			case first == nil:
				taken++
			default:
				refused++
			}
		}
	}
	t.Logf("%d calls succeeded beside Close, %d ended with ErrClosed", taken, refused)
	report(t, slices.Collect(maps.Values(failed)))
}

func (p *closePlace) besideGrant(ctx context.Context, row closeRow) (s *staged, first error) {
	s = p.stage(ctx, row, p.intN(2) == 0)
	if s.scene.inside != nil || p.intN(4) > 0 {
		p.within(s)
		parked(p, s.calls[:]...)
	}
	granting, closing := make(chan error, 1), make(chan error, 1)
	go func() {
		p.spin(100 * time.Microsecond)
		granting <- s.scene.grant()
	}()
	go func() {
		p.spin(100 * time.Microsecond)
		closing <- closed(s.h[0])
	}()
	if err := errors.Join(<-granting, <-closing); err != nil {
		s.wrong("%w", err)
		return s, nil
	}
	deadline := time.Now().Add(promptly)
	first = s.calls[0].end(deadline)
	if first != nil && !errors.Is(first, carom.ErrClosed) {
		s.wrong("the call on the handle that was closed: %w", first)
		return s, first
	}
	again := s.scene.again
	s.granted(first, again == ifTaken && first == nil || again == ifClosed && first != nil, deadline)
	if s.err == nil {
		p.clear(s)
		p.finish(s)
	}
	require.NoError(p, ctx.Err())
	return s, first
}
