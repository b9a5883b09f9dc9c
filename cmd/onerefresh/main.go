// Onerefresh tells from logs whether users are thrown out by a race for a
// refresh token. Run it without arguments to see how.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

const usage = `usage: onerefresh detect [flags] FILE…

Reads logs of a token endpoint, or of those who call it, and tells the race for
a refresh token (refusals within a moment of a grant, for one user or client)
from sessions that just ended. FILE may be packed with gzip; - is standard input.

It knows JSON lines and arrays, the combined log format, key=value text, Okta's
System Log, Auth0's tenant logs and Keycloak's events.

  -json            print the report as JSON
  -window 200ms    how close a refusal is to a grant in a race
  -slack 10s       how far lines may be out of order
  -path /token     the end of the token endpoint's path

exit status: 0 no race was found, 1 a race was found, 2 trouble: the logs cannot
be read, or tell of no refresh token
`

// The exit status.
const (
	noRace  = 0
	race    = 1
	trouble = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in io.Reader, out, diagnostics io.Writer) int {
	if len(args) == 0 || args[0] != "detect" {
		fmt.Fprint(diagnostics, usage)
		return trouble
	}
	status, err := detect(args[1:], in, out, diagnostics)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(diagnostics, usage)
	case err != nil:
		fmt.Fprintln(diagnostics, "onerefresh:", err)
	}
	return status
}
