package tokenlog

import (
	"container/heap"
	"errors"
	"fmt"
	"io"
	"time"
)

// Options say what to look for.
type Options struct {
	// Window is how close a refusal is to a grant in a race. The default is
	// 200 ms.
	Window time.Duration

	// Slack is how far lines of one log may be out of order. The default is 10 s.
	Slack time.Duration

	Parser Parser
}

// A Source is one log. If it is packed with gzip, it is unpacked.
type Source struct {
	Name string
	io.Reader
}

// ErrNothing is returned where no record tells of a refresh token.
var ErrNothing = errors.New("no record tells of a refresh token that was presented")

// mostHeld bounds the events that are held to bring them into order.
const mostHeld = 1 << 16

// Detect reads the sources, which may cover the same time, and reports what
// there is. It holds as much of them as Slack spans, and no more than a bounded
// number of events of each. What was found before an error is in the report.
func Detect(sources []Source, o Options) (*Report, error) {
	if o.Window <= 0 {
		o.Window = 200 * time.Millisecond
	}
	if o.Slack <= 0 {
		o.Slack = 10 * time.Second
	}
	report := &Report{WindowMS: float64(o.Window) / 1e6}
	f := newFinder(o.Window, report)
	defer f.finish()
	var logs []*log
	for _, s := range sources {
		l, err := openLog(s, o, report)
		if err != nil {
			return report, err
		}
		logs = append(logs, l)
	}
	for _, backwards := range []bool{false, true} { // some exports have the latest first
		var merged []*log
		for _, l := range logs {
			if l.backwards == backwards {
				merged = append(merged, l)
			}
		}
		if err := merge(merged, f, report); err != nil {
			return report, err
		}
		f.rest()
	}
	if report.Granted+report.Refused+report.Undated == 0 {
		return report, ErrNothing
	}
	return report, nil
}

// merge takes the earliest event of all logs, until there are none.
func merge(logs []*log, f *finder, report *Report) error {
	for {
		var first *log
		for _, l := range logs {
			if err := l.fill(); err != nil {
				return err
			}
			if len(l.held) > 0 && (first == nil || l.held[0].position < first.held[0].position) {
				first = l
			}
		}
		if first == nil {
			return nil
		}
		h := heap.Pop(&first.held).(held)
		if h.position < first.position {
			report.Late++
			h.position = first.position
		}
		first.position = h.position
		if h.Outcome == Granted {
			report.Granted++
		} else {
			report.Refused++
		}
		if t := h.Time(); report.From.IsZero() || t.Before(report.From) {
			report.From = t
		}
		if t := h.Time(); t.After(report.To) {
			report.To = t
		}
		f.add(h.Event, h.position)
	}
}

// A log is a source whose events are being brought into order.
type log struct {
	name      string
	records   *records
	parser    *Parser
	slack     int64
	report    *Report
	backwards bool
	ended     bool
	held      queue
	latest    int64 // position
	position  int64 // of what was taken
}

type held struct {
	Event
	position int64 // time, or minus that in a log that is backwards
}

func openLog(s Source, o Options, report *Report) (*log, error) {
	r, err := newRecords(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	l := &log{name: s.Name, records: r, parser: &o.Parser, slack: int64(o.Slack), report: report, position: -1 << 63}
	// The first events tell the direction.
	var events []Event
	for len(events) < 256 && !l.ended {
		e, ok, err := l.next()
		if err != nil {
			return nil, err
		}
		if ok {
			events = append(events, e)
		}
	}
	falls := 0
	for i := 1; i < len(events); i++ {
		switch {
		case events[i].At < events[i-1].At:
			falls++
		case events[i].At > events[i-1].At:
			falls--
		}
	}
	l.backwards = falls > 0
	for _, e := range events {
		l.hold(e)
	}
	return l, nil
}

// next reads a record. ok tells whether it is an event.
func (l *log) next() (e Event, ok bool, err error) {
	record, err := l.records.next()
	if err != nil {
		l.ended = true
		l.report.Records += l.records.count
		l.report.Unread += l.records.skipped
		if err == io.EOF {
			return e, false, nil
		}
		return e, false, fmt.Errorf("%s: %w", l.name, err)
	}
	e, ok = l.parser.Parse(record)
	if ok && e.At == 0 {
		l.report.Undated++
		ok = false
	}
	return e, ok, nil
}

func (l *log) hold(e Event) {
	position := e.At
	if l.backwards {
		position = -position
	}
	if len(l.held) == 0 && l.position == -1<<63 || position > l.latest {
		l.latest = position
	}
	heap.Push(&l.held, held{e, position})
}

// fill reads on until nothing can come before the first event that is held.
func (l *log) fill() error {
	for !l.ended && len(l.held) < mostHeld && (len(l.held) == 0 || l.latest-l.held[0].position <= l.slack) {
		e, ok, err := l.next()
		if err != nil {
			return err
		}
		if ok {
			l.hold(e)
		}
	}
	return nil
}

type queue []held

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].position < q[j].position }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(held)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	h := (*q)[last]
	(*q)[last] = held{}
	*q = (*q)[:last]
	return h
}
