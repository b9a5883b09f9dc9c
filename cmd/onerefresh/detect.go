package main

import (
	"encoding/json"
	"flag"
	"io"
	"os"

	"github.com/onerefresh/onerefresh/internal/tokenlog"
)

func detect(args []string, in io.Reader, out, diagnostics io.Writer) (status int, err error) {
	flags := flag.NewFlagSet("detect", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	asJSON := flags.Bool("json", false, "")
	var o tokenlog.Options
	flags.DurationVar(&o.Window, "window", 0, "")
	flags.DurationVar(&o.Slack, "slack", 0, "")
	flags.StringVar(&o.Parser.Path, "path", "", "")
	if err := flags.Parse(args); err != nil {
		return trouble, err
	}
	if flags.NArg() == 0 {
		return trouble, flag.ErrHelp
	}

	p := newProgress(diagnostics)
	defer p.stop()
	var sources []tokenlog.Source
	for _, name := range flags.Args() {
		r := in
		if name != "-" {
			file, err := os.Open(name)
			if err != nil {
				return trouble, err
			}
			defer file.Close()
			r = file
		}
		sources = append(sources, tokenlog.Source{Name: name, Reader: p.reader(r)})
	}
	p.start()
	report, err := tokenlog.Detect(sources, o)
	p.stop()
	if err != nil {
		return trouble, err
	}
	if *asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = write(out, report)
	}
	switch {
	case err != nil:
		return trouble, err
	case report.Race:
		return race, nil
	}
	return noRace, nil
}
