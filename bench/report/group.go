package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/carom-ipc/carom/bench/internal/cases"
)

// groups measures those that the filter lets through.
func (p plan) groups(ctx context.Context, filter *regexp.Regexp, all *results) {
	for _, s := range sections {
		for _, names := range s.groups {
			if !filter.MatchString(strings.Join(names, " ")) {
				continue
			}
			if ctx.Err() != nil {
				return
			}
			g := &group{Section: s.title}
			if err := p.group(ctx, names, g); err != nil {
				g.miss(names[0], err)
			}
			for _, x := range g.Missing {
				fmt.Printf("%s: not measured, %s\n", x.Case, x.Why)
			}
			if g.Ours == nil {
				for _, x := range g.Missing {
					all.Absent = append(all.Absent, fmt.Sprintf("%s: %s", x.Case, x.Why))
				}
				continue
			}
			fmt.Println(g)
			all.Groups = append(all.Groups, g)
		}
	}
}

// group has the cases of those names take turns, over a manager of their own: what was
// measured before leaves no trace. The first one is ours. One that fails is left out; ours
// is the group's error.
func (p plan) group(ctx context.Context, names []string, g *group) error {
	m, err := cases.StartManager(ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	var sides []*side
	defer func() {
		for _, s := range sides {
			s.stop(nil)
		}
	}()
	for i, name := range names {
		s, err := p.open(ctx, m, name)
		switch {
		case err == nil:
			sides = append(sides, s)
		case i == 0:
			return err
		default:
			g.miss(name, err)
		}
	}
	for range p.times {
		g.Nearness = append(g.Nearness, nearness(ctx))
		for i := 0; i < len(sides); i++ {
			s := sides[i]
			err := s.once()
			if err == nil && ctx.Err() != nil {
				err = ctx.Err()
			}
			switch {
			case err == nil && i > 0:
				s.Ratios = append(s.Ratios, last(sides[0].Ns)/last(s.Ns))
			case err != nil:
				s.stop(err)
				sides = slices.Delete(sides, i, i+1)
				if i == 0 {
					return err
				}
				g.miss(s.Case, err)
				i--
			}
		}
	}
	g.Nearness = append(g.Nearness, nearness(ctx))
	g.Ours, g.Beside = sides[0], slices.Clone(sides[1:])
	return nil
}

func (g *group) miss(name string, err error) {
	if errors.Is(err, errAbsent) {
		return
	}
	why := "FAILED: " + err.Error()
	if errors.Is(err, cases.ErrMissing) {
		why = err.Error()
	}
	g.Missing = append(g.Missing, missing{name, why})
}

// String is the group in one line a case.
func (g *group) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  nearness %.0f ns", g.Ours.Case, g.Ours.cell(), median(g.Nearness))
	for _, s := range g.Beside {
		fmt.Fprintf(&b, "\n    %s  by %s  %s", ratioCell(s.Ratios), s.Case, s.cell())
	}
	return b.String()
}
