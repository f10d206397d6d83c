// Plots draws the report's results: plots RESULTS.JSON FOLDER. It prints the names of the
// files that it wrote. It is a module of its own for the sake of the library that draws.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: plots RESULTS.JSON FOLDER")
	}
	names, err := draw(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range names {
		fmt.Println(name)
	}
}

// draw makes all plots for which there are figures.
func draw(path, folder string) (names []string, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r results
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	for _, c := range r.charts() {
		if len(c.lines) == 0 {
			continue
		}
		name := c.file + ".svg"
		if err := c.save(r.Machine.String(), filepath.Join(folder, name)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		names = append(names, name)
	}
	return names, nil
}
