// Command size prints what files weigh, as they are and compressed as well as
// a server can. It fails if one weighs more than the budget has for it. With -br it
// leaves the latter in files next to them. It is a module of its own: nothing
// else needs brotli.
package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/andybalholm/brotli"
)

func main() {
	log.SetFlags(0)
	budgets := flag.String("budget", "", "`file` with a line for each name: the most that it may weigh raw, with gzip and with brotli")
	keep := flag.Bool("br", false, "write what brotli makes of each file to another one, with the suffix .br")
	flag.Parse()
	limits, err := read(*budgets)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%-18s%10s%10s%10s\n", "bytes", "raw", "gzip -9", "brotli 11")
	over := false
	for _, path := range flag.Args() {
		got, err := weigh(path, *keep)
		if err != nil {
			log.Fatal(err)
		}
		name := filepath.Base(path)
		fmt.Printf("%-18s%10d%10d%10d\n", name, got[0], got[1], got[2])
		if limit, ok := limits[name]; ok && (got[0] > limit[0] || got[1] > limit[1] || got[2] > limit[2]) {
			fmt.Printf("%-18s%10d%10d%10d  is the budget\n", "", limit[0], limit[1], limit[2])
			over = true
		}
	}
	if over {
		os.Exit(1)
	}
}

// A weight is a number of bytes: raw, with gzip and with brotli.
type weight [3]int

// weigh keeps what brotli makes of a file, if it is told to.
func weigh(path string, keep bool) (w weight, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return w, err
	}
	var gz, br bytes.Buffer
	g, err := gzip.NewWriterLevel(&gz, gzip.BestCompression)
	if err != nil {
		return w, err
	}
	for _, to := range []io.WriteCloser{g, brotli.NewWriterLevel(&br, brotli.BestCompression)} {
		if _, err := to.Write(raw); err != nil {
			return w, err
		}
		if err := to.Close(); err != nil {
			return w, err
		}
	}
	if keep {
		if err := os.WriteFile(path+".br", br.Bytes(), 0o666); err != nil {
			return w, err
		}
	}
	return weight{len(raw), gz.Len(), br.Len()}, nil
}

func read(budgets string) (map[string]weight, error) {
	limits := map[string]weight{}
	if budgets == "" {
		return limits, nil
	}
	file, err := os.Open(budgets)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for {
		var name string
		var w weight
		switch _, err := fmt.Fscanln(file, &name, &w[0], &w[1], &w[2]); err {
		case nil:
			limits[name] = w
		case io.EOF:
			return limits, nil
		default:
			return nil, fmt.Errorf("%s: %w", budgets, err)
		}
	}
}
