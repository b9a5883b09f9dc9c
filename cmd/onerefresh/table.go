package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/onerefresh/onerefresh/internal/tokenlog"
)

const clock = "2006-01-02 15:04:05.000"

// write writes the report for a person.
func write(to io.Writer, r *tokenlog.Report) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%d records; refresh tokens: %d granted, %d refused\n", r.Records, r.Granted, r.Refused)
	if !r.From.IsZero() {
		fmt.Fprintf(w, "from %s to %s UTC\n", r.From.Format(clock), r.To.Format(clock))
	}
	for _, note := range []struct {
		n    int64
		text string
	}{
		{r.Unread, "records were too long, or cut off, and were skipped"},
		{r.Undated, "have no time that can be read, and were left out"},
		{r.Late, "were too far out of order: see -slack"},
	} {
		if note.n > 0 {
			fmt.Fprintf(w, "%d %s\n", note.n, note.text)
		}
	}
	if len(r.Clients) > 0 {
		fmt.Fprint(w, "\nCLIENT\tRACES\tBURSTS\tREUSE\tLONE\tUNDECIDED\tREFUSALS\n")
	}
	for i, c := range r.Clients {
		if i == 20 {
			fmt.Fprintf(w, "… %d more\n", len(r.Clients)-i)
			break
		}
		n := c.Clusters
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", shown(c.Client), n.Race, n.Burst, n.Reuse, n.Lone, n.Shared, c.Refusals)
	}
	if len(r.Examples) > 0 {
		fmt.Fprint(w, "\nRACES, LARGEST FIRST\tWHO\tGRANTED\tREFUSED\tWITHIN\tAS\n")
	}
	for i, c := range r.Examples {
		if i == 10 {
			break
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%.0f ms\t%s\n", c.Begin.Format(clock), shown(c.Who), c.Granted, c.Refused, c.SpanMS, c.Code)
	}
	fmt.Fprintf(w, "\n%s\n", verdict(r))
	return w.Flush()
}

func verdict(r *tokenlog.Report) string {
	var s []string
	if r.Race {
		s = append(s, fmt.Sprintf("This is the race: %d times a refresh token was refused within %.0f ms of a grant to the same user or sender; %d of them are affected.",
			r.Clusters.Race, r.WindowMS, r.Sessions))
	} else {
		s = append(s, "No race was found.")
	}
	if n := r.Clusters.Burst; n > 0 {
		s = append(s, fmt.Sprintf("%d bursts of refusals without a grant: several tabs or processes try a session that has ended, or the log lacks the grant.", n))
	}
	if n := r.Clusters.Reuse; n > 0 {
		s = append(s, fmt.Sprintf("%d refresh tokens were used again, though not at the same time: a lost answer, a tab that woke up late, or theft.", n))
	}
	if n := r.Refusals.Shared; n > 0 {
		s = append(s, fmt.Sprintf("%d refusals came beside grants from a sender that many share: the log has to say whose they are (user or session).", n))
	}
	if n := r.Tolerated; n > 0 {
		s = append(s, fmt.Sprintf("%d times one user was granted several tokens at once: the race, which a grace period forgives.", n))
	}
	return strings.Join(s, "\n")
}

// shown returns text as a terminal may show it: logs have what anybody sent.
func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > 50 {
		text = string(runes[:49]) + "…"
	}
	return cmp.Or(text, "–")
}
