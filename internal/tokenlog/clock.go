package tokenlog

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// parseClock reads a time as logs write it: RFC 3339 and its many relatives,
// the one of the common log format, Unix time in seconds, milliseconds,
// microseconds or nanoseconds, and the formats of HTTP and of ctime. Without
// a zone it is taken for UTC.
func parseClock(text string) (ns int64, ok bool) {
	text = strings.Trim(text, " \t[]\"")
	if ns, ok := parseUnix(text); ok {
		return ns, true
	}
	if ns, n := parseISO(text); n > 0 {
		return ns, true
	}
	if ns, ok := parseCLF(text); ok {
		return ns, true
	}
	for _, layout := range []string{time.RFC1123, time.RFC1123Z, time.RFC850, time.ANSIC, time.StampNano, time.StampMicro, time.StampMilli, time.Stamp, "Jan 2, 2006 3:04:05 PM"} {
		if t, err := time.Parse(layout, text); err == nil {
			return nanoseconds(t)
		}
	}
	return 0, false
}

// nanoseconds returns the Unix time, if it can be held. A year that was not
// given is any year: only differences count.
func nanoseconds(t time.Time) (ns int64, ok bool) {
	if t.Year() == 0 {
		t = t.AddDate(2000, 0, 0) // a leap year, too
	}
	if y := t.Year(); y < 1900 || y > 2200 {
		return 0, false
	}
	return t.UnixNano(), true
}

// parseUnix tells the unit by the magnitude.
func parseUnix(text string) (ns int64, ok bool) {
	if text == "" || text[0] < '0' || text[0] > '9' {
		return 0, false
	}
	whole, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.ContainsAny(fraction, "eE") { // 1.7e9, for one
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || f < 1e8 || f > 1e18 {
			return 0, false
		}
		n, fraction = int64(f), ""
	}
	unit := int64(0)
	switch {
	case n < 1e8: // a year, or a duration
		return 0, false
	case n < 1e11:
		unit = 1e9
	case n < 1e14:
		unit = 1e6
	case n < 1e17:
		unit = 1e3
	default:
		unit = 1
	}
	if n > math.MaxInt64/unit {
		return 0, false
	}
	ns = n * unit
	for _, c := range []byte(fraction) {
		if c < '0' || c > '9' {
			return 0, false
		}
		unit /= 10
		ns += int64(c-'0') * unit
	}
	return nanoseconds(time.Unix(0, ns))
}

// parseISO reads a time at the beginning of text, and returns how much of it
// that was: 2006-01-02T15:04:05.999Z, 2006/01/02 15:04:05, 15:04:05,999 …
func parseISO(text string) (ns int64, n int) {
	at := 0
	number := func(digits int) (v int, ok bool) {
		if at+digits > len(text) {
			return 0, false
		}
		for _, c := range []byte(text[at : at+digits]) {
			if c < '0' || c > '9' {
				return 0, false
			}
			v = v*10 + int(c-'0')
		}
		at += digits
		return v, true
	}
	skip := func(any string) bool {
		if at < len(text) && strings.IndexByte(any, text[at]) >= 0 {
			at++
			return true
		}
		return false
	}
	year, month, day := 2000, 1, 1
	if len(text) > 4 && text[2] != ':' {
		var ok [3]bool
		year, ok[0] = number(4)
		sep := skip("-/")
		month, ok[1] = number(2)
		skip("-/")
		day, ok[2] = number(2)
		if !ok[0] || !ok[1] || !ok[2] || !sep || !skip("T _t") {
			return 0, 0
		}
	}
	hour, ok1 := number(2)
	if !ok1 || !skip(":") {
		return 0, 0
	}
	minute, ok2 := number(2)
	if !ok2 || !skip(":") {
		return 0, 0
	}
	second, ok3 := number(2)
	if !ok3 || month > 12 || day > 31 || hour > 24 || minute > 59 || second > 60 {
		return 0, 0
	}
	fraction := 0
	if at+1 < len(text) && (text[at] == '.' || text[at] == ',') && text[at+1] >= '0' && text[at+1] <= '9' {
		at++
		for unit := 100_000_000; at < len(text) && text[at] >= '0' && text[at] <= '9'; at++ {
			fraction += int(text[at]-'0') * unit
			unit /= 10
		}
	}
	offset := 0
	end := at
	skip(" ")
	if at < len(text) && (text[at] == '+' || text[at] == '-') {
		sign := 1
		if text[at] == '-' {
			sign = -1
		}
		at++
		if h, ok := number(2); ok {
			offset = sign * h * 3600
			end = at
			skip(":")
			if m, ok := number(2); ok {
				offset += sign * m * 60
				end = at
			}
		}
	} else if at < len(text) && at == end && (text[at] == 'Z' || text[at] == 'z') {
		end = at + 1
	}
	ns, ok := nanoseconds(time.Date(year, time.Month(month), day, hour, minute, second, fraction, time.UTC).Add(-time.Duration(offset) * time.Second))
	if !ok {
		return 0, 0
	}
	return ns, end
}

// parseCLF reads 10/Oct/2000:13:55:36 -0700, also with a fraction of a second.
// See https://httpd.apache.org/docs/2.4/logs.html#common.
func parseCLF(text string) (ns int64, ok bool) {
	if len(text) < 20 || text[2] != '/' || text[6] != '/' || text[11] != ':' {
		return 0, false
	}
	month := strings.Index("JanFebMarAprMayJunJulAugSepOctNovDec", text[3:6])
	if month < 0 || month%3 != 0 {
		return 0, false
	}
	digits := [...]byte{'0' + byte((month/3+1)/10), '0' + byte((month/3+1)%10)}
	ns, n := parseISO(text[7:11] + "-" + string(digits[:]) + "-" + text[:2] + "T" + text[12:])
	return ns, n > 0
}
