package onerefresh

import (
	"testing"
	"time"
)

func TestTokenLive(t *testing.T) {
	received := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		lifetime, margin, after time.Duration
		want                    bool
	}{
		"fresh":                             {time.Hour, 30 * time.Second, 0, true},
		"a millisecond before the margin":   {time.Hour, 30 * time.Second, time.Hour - 30*time.Second - time.Millisecond, true},
		"at the margin":                     {time.Hour, 30 * time.Second, time.Hour - 30*time.Second, false},
		"no margin, before the expiry":      {time.Hour, 0, time.Hour - time.Millisecond, true},
		"no margin, at the expiry":          {time.Hour, 0, time.Hour, false},
		"short-lived, margin of a quarter":  {time.Minute, 30 * time.Second, 45*time.Second - time.Millisecond, true},
		"short-lived, in the last quarter":  {time.Minute, 30 * time.Second, 45 * time.Second, false},
		"stale on arrival":                  {0, 30 * time.Second, 0, false},
		"clocks disagree by a second":       {time.Hour, 30 * time.Second, -time.Second, true},
		"the clock was set back by an hour": {time.Hour, 30 * time.Second, -time.Hour, false},
	} {
		token := Token{AccessToken: "a", Received: received, Expiry: received.Add(tc.lifetime)}
		if got := token.live(received.Add(tc.after), tc.margin); got != tc.want {
			t.Errorf("%s: got %t", name, got)
		}
		if (&Token{Received: token.Received, Expiry: token.Expiry}).live(received, 0) {
			t.Errorf("%s: no access token, and yet live", name)
		}
	}
}

func TestCooldownRemaining(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	c := Cooldown{At: at, For: time.Minute}
	for after, want := range map[time.Duration]time.Duration{
		0:                time.Minute,
		59 * time.Second: time.Second,
		time.Minute:      0,
		time.Hour:        0,
		-time.Second:     61 * time.Second,
		-time.Hour:       0, // the clock was set back: nobody waits for an hour
	} {
		if got := c.remaining(at.Add(after)); got != want {
			t.Errorf("after %v: got %v, want %v", after, got, want)
		}
	}
}
