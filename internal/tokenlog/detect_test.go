package tokenlog

import (
	"bytes"
	"compress/gzip"
	"container/heap"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// line returns a record of what befell a user so long after noon.
func line(after time.Duration, user, outcome string) string {
	at := noon.Add(after).Format(time.RFC3339Nano)
	switch outcome {
	case "ok":
		return fmt.Sprintf(`{"time":%q,"client_id":"spa","user":%q,"grant_type":"refresh_token","status":200}`, at, user)
	case "reuse":
		return fmt.Sprintf(`{"time":%q,"client_id":"spa","user":%q,"grant_type":"refresh_token","status":400,"error":"refresh_token_reused"}`, at, user)
	case "sender": // refused, and the log does not say whose it was
		return fmt.Sprintf(`{"time":%q,"client_id":"spa","ip":%q,"grant_type":"refresh_token","status":400,"error":"invalid_grant"}`, at, user)
	case "sender ok":
		return fmt.Sprintf(`{"time":%q,"client_id":"spa","ip":%q,"grant_type":"refresh_token","status":200}`, at, user)
	case "both ok": // granted, and the log says all
		return fmt.Sprintf(`{"time":%q,"client_id":"spa","user":%q,"ip":%q,"grant_type":"refresh_token","status":200}`, at, "u"+user, user)
	}
	return fmt.Sprintf(`{"time":%q,"client_id":"spa","user":%q,"grant_type":"refresh_token","status":400,"error":"invalid_grant"}`, at, user)
}

const ms = time.Millisecond

func find(t *testing.T, o Options, logs ...string) *Report {
	t.Helper()
	var sources []Source
	for i, l := range logs {
		sources = append(sources, Source{fmt.Sprint(i), strings.NewReader(l)})
	}
	r, err := Detect(sources, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestClusters(t *testing.T) {
	for name, tc := range map[string]struct {
		lines []string
		want  Counts // of clusters
	}{
		"a race":                     {[]string{line(0, "a", "ok"), line(50*ms, "a", ""), line(90*ms, "a", "")}, Counts{Race: 1}},
		"the refusal is first":       {[]string{line(0, "a", ""), line(50*ms, "a", "ok")}, Counts{Race: 1}},
		"at the window's end":        {[]string{line(0, "a", "ok"), line(200*ms, "a", "")}, Counts{Race: 1}},
		"beyond":                     {[]string{line(0, "a", "ok"), line(201*ms, "a", "")}, Counts{Lone: 1}},
		"two users":                  {[]string{line(0, "a", "ok"), line(50*ms, "b", "")}, Counts{Lone: 1}},
		"two races":                  {[]string{line(0, "a", "ok"), line(50*ms, "a", ""), line(0, "b", "ok"), line(50*ms, "b", "")}, Counts{Race: 2}},
		"again and again":            {[]string{line(0, "a", "ok"), line(50*ms, "a", ""), line(time.Second, "a", "ok"), line(1050*ms, "a", "")}, Counts{Race: 2}},
		"a session that has ended":   {[]string{line(0, "a", "ok"), line(time.Hour, "a", "")}, Counts{Lone: 1}},
		"many tabs of one":           {[]string{line(0, "a", ""), line(50*ms, "a", ""), line(60*ms, "a", "")}, Counts{Burst: 1}},
		"a lost answer":              {[]string{line(0, "a", "ok"), line(10*time.Second, "a", "reuse")}, Counts{Reuse: 1}},
		"reuse at the same time":     {[]string{line(0, "a", "ok"), line(20*ms, "a", "reuse")}, Counts{Race: 1}},
		"nothing wrong":              {[]string{line(0, "a", "ok"), line(time.Hour, "a", "ok")}, Counts{}},
		"by sender":                  {[]string{line(0, "10.0.0.7", "sender ok"), line(50*ms, "10.0.0.7", "sender")}, Counts{Race: 1}},
		"by sender, signed in again": {[]string{line(0, "10.0.0.7", "sender ok"), line(50*ms, "10.0.0.7", "sender"), line(time.Second, "10.0.0.7", "sender ok")}, Counts{Race: 1}},
		"the grant says more":        {[]string{line(0, "10.0.0.7", "both ok"), line(50*ms, "10.0.0.7", "sender")}, Counts{Race: 1}},
		"many behind one sender": {[]string{
			line(0, "10.0.0.7", "sender ok"), line(1*time.Second, "10.0.0.7", "sender ok"), line(2*time.Second, "10.0.0.7", "sender ok"),
			line(2050*ms, "10.0.0.7", "sender"), line(3*time.Second, "10.0.0.7", "sender ok"), line(4*time.Second, "10.0.0.7", "sender ok"),
		}, Counts{Shared: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Join(tc.lines, "\n")
			backwards := slices.Clone(tc.lines)
			slices.Reverse(backwards)
			shuffled := slices.Clone(tc.lines)
			rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			for how, logs := range map[string][]string{
				"in order": {text}, "backwards": {strings.Join(backwards, "\n")}, "an array": {"[\n" + strings.Join(tc.lines, ",\n") + "]"},
				"indented": {indented(t, tc.lines)}, "a log each": tc.lines, "packed": {packed(t, text)},
			} {
				r := find(t, Options{}, logs...)
				if r.Clusters != tc.want || r.Race != (tc.want.Race > 0) {
					t.Errorf("%s: got %+v, want %+v", how, r.Clusters, tc.want)
				}
			}
			if r := find(t, Options{Slack: 2 * time.Hour}, strings.Join(shuffled, "\n")); r.Clusters != tc.want {
				t.Errorf("shuffled: got %+v, want %+v\n%s", r.Clusters, tc.want, strings.Join(shuffled, "\n"))
			}
		})
	}
}

func indented(t *testing.T, lines []string) string {
	var out bytes.Buffer
	for _, l := range lines {
		if err := json.Indent(&out, []byte(l), "", "  "); err != nil {
			t.Fatal(err)
		}
		out.WriteByte('\n')
	}
	return out.String()
}

func packed(t *testing.T, text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestWindow(t *testing.T) {
	log := line(0, "a", "ok") + "\n" + line(900*ms, "a", "")
	if r := find(t, Options{Window: time.Second}, log); r.Clusters != (Counts{Race: 1}) || r.WindowMS != 1000 {
		t.Errorf("got %+v", r)
	}
}

// A request of which there are two records is one.
func TestOneRequestIsCountedOnce(t *testing.T) {
	log := samples["Okta, refused"].record + "\n" + samples["Okta, refused"].record + "\n" +
		strings.Replace(samples["Okta, granted"].record, `"t1"`, `"t2"`, 1)
	log = strings.ReplaceAll(log, `"target":null`, `"target":[{"type":"User","id":"00u1"}]`)
	r := find(t, Options{}, log)
	if r.Clusters.Race != 1 || r.Refusals.Race != 1 {
		t.Errorf("got %+v, %+v", r.Clusters, r.Refusals)
	}
}

func TestReport(t *testing.T) {
	r := find(t, Options{}, strings.Join([]string{
		line(0, "a", "ok"), line(10*ms, "a", ""), line(30*ms, "a", "reuse"),
		line(time.Second, "b", "ok"), line(1100*ms, "b", "ok"),
		line(time.Minute, "c", ""),
		"something else", `{"time":"whenever","grant_type":"refresh_token","status":200}`,
	}, "\n"))
	want := Report{
		Race: true, Records: 8, Undated: 1, Granted: 3, Refused: 3, From: noon, To: noon.Add(time.Minute), WindowMS: 200, Sessions: 1,
		Clusters: Counts{Race: 1, Lone: 1}, Refusals: Counts{Race: 2, Lone: 1}, Tolerated: 1,
		Clients:  []Client{{"spa", Counts{Race: 1, Lone: 1}, 3}},
		Examples: []Cluster{{Client: "spa", Who: "a", Begin: noon, SpanMS: 30, Granted: 1, Refused: 2, Code: "refresh_token_reused"}},
	}
	got, _ := json.Marshal(r)
	wanted, _ := json.Marshal(want)
	if string(got) != string(wanted) {
		t.Errorf("got  %s\nwant %s", got, wanted)
	}
}

func TestNoTokenMaterialInReport(t *testing.T) {
	secret := `{"time":"2026-11-21T12:00:00Z","client_id":"spa","user":"a","grant_type":"refresh_token","refresh_token":"s3cret","status":400,"error":"invalid_grant","error_description":"s3cret is invalid"}`
	r := find(t, Options{}, line(0, "a", "ok")+"\n"+secret+"\n"+`level=warn time=2026-11-21T12:00:00Z msg="refresh failed: invalid_grant, refresh_token=s3cret" user=a client_id=spa`)
	if text, _ := json.Marshal(r); !r.Race || strings.Contains(string(text), "s3cret") {
		t.Errorf("got %s", text)
	}
}

func TestNothing(t *testing.T) {
	for _, log := range []string{"", "\n\n", "token", `[]`, `{"a":1}`, packed(t, "")} {
		if _, err := Detect([]Source{{"log", strings.NewReader(log)}}, Options{}); !errors.Is(err, ErrNothing) {
			t.Errorf("%q: got %v", log, err)
		}
	}
}

func TestBrokenLogs(t *testing.T) {
	broken := errors.New("broken")
	for name, in := range map[string]io.Reader{
		"gzip":  strings.NewReader("\x1f\x8bnonsense"),
		"cut":   strings.NewReader(packed(t, strings.Repeat(line(0, "a", "ok"), 100))[:80]),
		"read":  iotest.ErrReader(broken),
		"later": io.MultiReader(strings.NewReader(line(0, "a", "ok")+"\n"), iotest.ErrReader(broken)),
	} {
		if _, err := Detect([]Source{{"log", in}}, Options{}); err == nil || errors.Is(err, ErrNothing) || !strings.HasPrefix(err.Error(), "log: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestLongRecordIsSkipped(t *testing.T) {
	long := `{"token":"` + strings.Repeat("x", 2*longestRecord) + `"}`
	for _, log := range []string{
		line(0, "a", "ok") + "\n" + long + "\n" + line(50*ms, "a", ""),
		"[" + line(0, "a", "ok") + ",\n" + long + ",\n" + line(50*ms, "a", "") + "]",
	} {
		if r := find(t, Options{}, log); r.Unread != 1 || r.Clusters.Race != 1 {
			t.Errorf("got %+v", r)
		}
	}
}

// What is held does not grow with the log.
func TestHoldsLittle(t *testing.T) {
	in, out := io.Pipe()
	go func() {
		for i := range 200_000 {
			fmt.Fprintln(out, line(time.Duration(i)*ms, fmt.Sprint("user", i), []string{"ok", ""}[i%2]))
		}
		out.Close()
	}()
	report := &Report{}
	l, err := openLog(Source{"log", in}, Options{Slack: time.Second}, report)
	if err != nil {
		t.Fatal(err)
	}
	f := newFinder(200*ms, report)
	most := 0
	for {
		if err := l.fill(); err != nil {
			t.Fatal(err)
		}
		if len(l.held) == 0 {
			break
		}
		h := l.held[0]
		most = max(most, len(l.held)+len(f.groups)+len(f.queue))
		heap.Pop(&l.held)
		f.add(h.Event, h.position)
	}
	f.rest()
	if most > 25_000 {
		t.Errorf("%d events and groups are held", most)
	}
	if report.Clusters.Lone != 100_000 || len(f.groups) != 0 {
		t.Errorf("got %+v, %d groups left", report.Clusters, len(f.groups))
	}
}

// Objects are what encoding/json finds, in an array as in a row.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(`[{"a":"}\"]"},{"b":[{}]}]`))
	f.Add([]byte("{\n\"a\": \"\\\\\"\n}\n{\"b\":1}"))
	f.Add([]byte(`[ ]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var objects []json.RawMessage
		if json.Unmarshal(text, &objects) != nil {
			objects = nil
		}
		var want []string
		for _, o := range objects {
			if o[0] != '{' {
				return
			}
			want = append(want, string(o))
		}
		r, err := newRecords(iotest.OneByteReader(bytes.NewReader(text)))
		if err != nil {
			return
		}
		var got []string
		for {
			record, err := r.next()
			if err != nil {
				break
			}
			got = append(got, string(record))
			if len(got) > len(text) {
				t.Fatal("more records than bytes")
			}
		}
		if len(objects) > 0 && !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
