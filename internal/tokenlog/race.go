package tokenlog

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

const (
	// calm is how long nothing may come from a sender, or a client, before what
	// it sends belongs to something else.
	calm = 5 * time.Second

	mostExamples = 20
	mostClients  = 1000
	mostSessions = 1 << 20
)

// A Report says what was found. Its members are those of --json.
type Report struct {
	Race bool `json:"race"` // whether Races is greater than 0

	Records   int64     `json:"records"`
	Unread    int64     `json:"unread"`  // records that were too long or cut off
	Undated   int64     `json:"undated"` // events whose time could not be read; they count nowhere else
	Late      int64     `json:"late"`    // events that came so late that they may be counted as single
	Granted   int64     `json:"granted"`
	Refused   int64     `json:"refused"`
	From      time.Time `json:"from,omitzero"`
	To        time.Time `json:"to,omitzero"`
	WindowMS  float64   `json:"window_ms"`
	Sessions  int       `json:"sessions"`  // users, sessions or senders that lost a race
	Clusters  Counts    `json:"clusters"`  // by what they are
	Refusals  Counts    `json:"refusals"`  // in them
	Tolerated int64     `json:"tolerated"` // clusters of more than one grant to one user, and no refusal

	Clients  []Client  `json:"clients"`  // those with the most races first
	Examples []Cluster `json:"examples"` // the largest races
}

// Counts are numbers of clusters, or of the refusals in them.
type Counts struct {
	Race   int64 `json:"race"`   // refusals within the window of a grant
	Burst  int64 `json:"burst"`  // several refusals without a grant
	Reuse  int64 `json:"reuse"`  // a token that was used before, though not within the window
	Lone   int64 `json:"lone"`   // a single refusal: a session that has ended
	Shared int64 `json:"shared"` // beside a grant, but many share the sender, and nobody knows whose it was
}

func (c *Counts) add(kind Kind, n int64) {
	*map[Kind]*int64{Race: &c.Race, Burst: &c.Burst, Reuse: &c.Reuse, Lone: &c.Lone, Shared: &c.Shared}[kind] += n
}

// A Kind says what a cluster is.
type Kind string

const (
	Race   Kind = "race"
	Burst  Kind = "burst"
	Reuse  Kind = "reuse"
	Lone   Kind = "lone"
	Shared Kind = "shared"
)

// A Client is what was found of one.
type Client struct {
	Client   string `json:"client"`
	Clusters Counts `json:"clusters"`
	Refusals int64  `json:"refusals"`
}

// A Cluster is what one user, session or sender did within the window.
type Cluster struct {
	Client  string    `json:"client,omitempty"`
	Who     string    `json:"who,omitempty"` // user, session or address
	Begin   time.Time `json:"begin"`
	SpanMS  float64   `json:"span_ms"`
	Granted int       `json:"granted"`
	Refused int       `json:"refused"`
	Code    string    `json:"code"`
}

// finder groups events that come in order, forwards or backwards.
type finder struct {
	window int64
	groups map[string]*group
	queue  []deadline // in order; what is over has another one
	report *Report

	clients  map[string]*Client
	sessions map[string]struct{}
}

type deadline struct {
	at    int64
	group *group
}

// A group is what has the same user, session or sender, without a pause.
type group struct {
	key     string
	certain bool  // it is a user or a session, and not whoever shares an address
	last    int64 // time of the latest event
	granted int
	now     burst   // goes on
	races   []burst // that may be some, if it is not certain
	more    int64   // refusals in those that are too many to keep
}

// A burst is what comes from a group within the window.
type burst struct {
	first, last      int64
	granted, refused int
	own              int // grants that are counted here, as a group that says more has them not
	reused           bool
	who              Event // the latest refusal
	requests         []seen
}

type seen struct {
	id      string
	outcome Outcome
}

func newFinder(window time.Duration, report *Report) *finder {
	return &finder{
		window: int64(window), groups: make(map[string]*group), report: report,
		clients: make(map[string]*Client), sessions: make(map[string]struct{}),
	}
}

// add takes the next event; position is its time, or minus that if events come
// backwards.
func (f *finder) add(e Event, position int64) {
	f.expire(position)
	keys := e.keys()
	if e.Outcome != Granted {
		f.put(keys[0], e, position, true)
		return
	}
	for i, key := range keys {
		f.put(key, e, position, i == 0)
	}
}

// keys returns what the event is grouped by, the most certain first. A refusal
// often says less than a grant, which is in all of its groups therefore.
func (e Event) keys() []string {
	var keys []string
	if e.Session != "" {
		keys = append(keys, "s"+e.Client+"\x00"+e.Session)
	}
	if e.User != "" {
		keys = append(keys, "u"+e.Client+"\x00"+e.User)
	}
	return append(keys, "a"+e.Client+"\x00"+e.Address)
}

func (f *finder) put(key string, e Event, position int64, own bool) {
	g := f.groups[key]
	if g == nil {
		g = &group{key: key, certain: key[0] != 'a', now: burst{first: position, last: position}}
		f.groups[key] = g
	} else if position-g.now.last > f.window {
		f.settle(g)
		g.now = burst{first: position, last: position}
	}
	g.last = position
	g.now.add(e, position, own)
	if e.Outcome == Granted {
		g.granted++
	}
	f.queue = append(f.queue, deadline{position + f.patience(g), g})
}

func (f *finder) patience(g *group) int64 {
	if g.certain {
		return f.window
	}
	return max(f.window, int64(calm))
}

func (b *burst) add(e Event, position int64, own bool) {
	b.last = position
	if e.Request != "" {
		for i, s := range b.requests {
			if s.id != e.Request {
				continue
			}
			if e.Outcome <= s.outcome {
				return
			}
			if s.outcome != Granted {
				b.refused-- // it is counted again as what it is
			}
			b.requests[i].outcome = e.Outcome
		}
		if len(b.requests) < 64 {
			b.requests = append(b.requests, seen{e.Request, e.Outcome})
		}
	}
	if e.Outcome == Granted {
		b.granted++
		if own {
			b.own++
		}
		return
	}
	b.refused++
	b.reused = b.reused || e.Outcome == Reused
	if b.who.Code == "" || e.Outcome == Reused {
		b.who = e
	}
}

// expire ends the groups of which nothing came for long enough.
func (f *finder) expire(position int64) {
	for len(f.queue) > 0 && f.queue[0].at < position {
		d := f.queue[0]
		f.queue[0] = deadline{}
		f.queue = f.queue[1:]
		if f.groups[d.group.key] == d.group && d.at == d.group.last+f.patience(d.group) {
			f.end(d.group)
		}
	}
}

func (f *finder) end(g *group) {
	delete(f.groups, g.key)
	f.settle(g)
	// A sender that gets many grants is a proxy, a server, or a whole office,
	// and a grant beside a refusal is chance. Twice: who is thrown out signs in.
	kind := Race
	if g.more > 0 || g.granted > 2*len(g.races) {
		kind = Shared
	}
	for _, b := range g.races {
		f.count(kind, &b)
		if kind == Race {
			f.lost(g, &b)
		}
	}
	f.report.Refusals.add(Shared, g.more)
}

// settle says what a burst is that is over.
func (f *finder) settle(g *group) {
	b := &g.now
	b.requests = nil
	switch {
	case b.refused == 0:
		if g.certain && b.own > 1 {
			f.report.Tolerated++
		}
	case b.granted > 0 && g.certain:
		f.count(Race, b)
		f.lost(g, b)
	case b.granted > 0 && len(g.races) >= 64:
		g.more += int64(b.refused)
	case b.granted > 0:
		g.races = append(g.races, *b)
	case b.reused:
		f.count(Reuse, b)
	case b.refused > 1:
		f.count(Burst, b)
	default:
		f.count(Lone, b)
	}
}

func (f *finder) count(kind Kind, b *burst) {
	c := f.clients[b.who.Client]
	if c == nil {
		name := b.who.Client
		if len(f.clients) >= mostClients {
			name = "(others)"
		}
		if c = f.clients[name]; c == nil {
			c = &Client{Client: name}
			f.clients[name] = c
		}
	}
	c.Clusters.add(kind, 1)
	c.Refusals += int64(b.refused)
	f.report.Clusters.add(kind, 1)
	f.report.Refusals.add(kind, int64(b.refused))
}

// lost keeps what there is to say of a race.
func (f *finder) lost(g *group, b *burst) {
	if len(f.sessions) < mostSessions {
		f.sessions[g.key] = struct{}{}
	}
	e := b.who
	f.report.Examples = append(f.report.Examples, Cluster{
		Client: e.Client, Who: cmp.Or(e.User, e.Session, e.Address),
		Begin:  Event{At: min(abs(b.first), abs(b.last))}.Time(),
		SpanMS: float64(b.last-b.first) / 1e6, Granted: b.granted, Refused: b.refused, Code: e.Code,
	})
	if len(f.report.Examples) >= 2*mostExamples {
		f.trim()
	}
}

func abs(n int64) int64 { return max(n, -n) }

func (f *finder) trim() {
	slices.SortStableFunc(f.report.Examples, func(a, b Cluster) int {
		return cmp.Or(b.Refused-a.Refused, a.Begin.Compare(b.Begin))
	})
	f.report.Examples = f.report.Examples[:min(len(f.report.Examples), mostExamples)]
}

// rest ends the groups that are left. More events may come then, in another
// order.
func (f *finder) rest() {
	for _, d := range f.queue {
		if f.groups[d.group.key] == d.group {
			f.end(d.group)
		}
	}
	f.queue = nil
}

// finish makes the report.
func (f *finder) finish() {
	f.trim()
	f.report.Sessions = len(f.sessions)
	f.report.Race = f.report.Clusters.Race > 0
	f.report.Clients = []Client{}
	for _, c := range f.clients {
		f.report.Clients = append(f.report.Clients, *c)
	}
	slices.SortFunc(f.report.Clients, func(a, b Client) int {
		return cmp.Or(cmp.Compare(b.Clusters.Race, a.Clusters.Race), cmp.Compare(b.Refusals, a.Refusals), strings.Compare(a.Client, b.Client))
	})
	f.report.Examples = slices.Clip(f.report.Examples)
	if f.report.Examples == nil {
		f.report.Examples = []Cluster{}
	}
}
