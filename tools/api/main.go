// Api compares what the module exports with what is on record in api, in the
// root of the module, and fails if a program that uses it might not compile any
// more. With -record it puts on record what is exported. Run it in its folder.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/tools/txtar"
)

// platforms are those whose exports differ.
var platforms = []struct{ name, os, arch string }{{"native", "linux", "amd64"}, {"js", "js", "wasm"}}

var root = filepath.Join("..", "..")

func main() {
	log.SetFlags(0)
	record := flag.Bool("record", false, "put on record what is exported")
	flag.Parse()
	var all []string
	for _, p := range platforms {
		now, err := read(p.os, p.arch)
		if err != nil {
			log.Fatal(err)
		}
		file := filepath.Join(root, "api", p.name+".txtar")
		if *record {
			if err := os.WriteFile(file, txtar.Format(now.text), 0o644); err != nil {
				log.Fatal(err)
			}
			continue
		}
		text, err := txtar.ParseFile(file)
		if err != nil {
			log.Fatal(err)
		}
		changes, err := broken(surface{text, now.imports}, now)
		if err != nil {
			log.Fatalf("%s: %v", file, err)
		}
		for _, change := range changes {
			if !slices.Contains(all, change) { // on both platforms, mostly
				all = append(all, change)
			}
		}
	}
	for _, change := range all {
		fmt.Println(change)
	}
	if all != nil {
		log.Fatal("Programs that use this may not compile any more. If that is meant: make api-record, and say so in CHANGELOG.md.")
	}
}
