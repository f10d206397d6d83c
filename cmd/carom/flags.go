package main

import (
	"flag"
	"fmt"
	"io"
)

// newFlags makes the flags of a command. What is wrong with them is for run to say.
func newFlags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	return f
}

// parse reads flags and exactly as many arguments as have names.
func parse(f *flag.FlagSet, args []string, names ...string) error {
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() < len(names) {
		return fmt.Errorf("%s is missing", names[f.NArg()])
	}
	if f.NArg() > len(names) {
		return fmt.Errorf("unexpected argument %q", f.Arg(len(names)))
	}
	return nil
}
