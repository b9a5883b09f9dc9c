package authserver

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Settings say how a [Server] behaves. The zero Settings are those of a strict
// and fast one.
//
// In JSON the members are the fields' names in snake case; durations are
// numbers of milliseconds, with the suffix _ms.
type Settings struct {
	// LatencyBefore passes before a token request is decided, and
	// LatencyAfter between the decision and the answer.
	LatencyBefore, LatencyAfter time.Duration

	// GracePeriod is how long a refresh token may be presented again after it
	// was rotated. Within it, each presentation gets tokens of its own, and the
	// family goes on. See https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2.
	GracePeriod time.Duration

	// AccessTokenLifetime is an hour if it is 0.
	AccessTokenLifetime time.Duration

	// ExpiresIn, if set, is the JSON text that answers state as expires_in
	// instead of the lifetime. [Omit] leaves the member out.
	ExpiresIn string

	// Failures befall the next token requests, one after the other; each is
	// used up by its requests.
	Failures []Failure
}

// Omit as an expires_in leaves the member out of the answer.
const Omit = "omit"

func checkExpiresIn(text string) error {
	if text != Omit && !json.Valid([]byte(text)) {
		return fmt.Errorf("expires_in %q is no JSON text", text)
	}
	return nil
}

// Settings returns the settings as they are now.
func (s *Server) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings.clone()
}

// Configure changes the settings for the requests to come. change must not
// call the server.
func (s *Server) Configure(change func(*Settings)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.settings)
	s.settings = s.settings.clone() // change may have kept the slice
}

func (s Settings) clone() Settings {
	s.Failures = slices.Clone(s.Failures)
	return s
}

type settingsJSON struct {
	LatencyBefore       milliseconds `json:"latency_before_ms"`
	LatencyAfter        milliseconds `json:"latency_after_ms"`
	GracePeriod         milliseconds `json:"grace_period_ms"`
	AccessTokenLifetime milliseconds `json:"access_token_lifetime_ms"`
	ExpiresIn           string       `json:"expires_in"`
	Failures            []Failure    `json:"failures"`
}

type milliseconds time.Duration

func (d milliseconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(d) / float64(time.Millisecond))
}

func (d *milliseconds) UnmarshalJSON(text []byte) error {
	var n float64
	if err := json.Unmarshal(text, &n); err != nil {
		return err
	}
	if n < 0 {
		return fmt.Errorf("%v ms is negative", n)
	}
	*d = milliseconds(n * float64(time.Millisecond))
	return nil
}

// MarshalJSON implements [json.Marshaler].
func (s Settings) MarshalJSON() ([]byte, error) {
	wire := s.wire()
	if wire.Failures == nil {
		wire.Failures = []Failure{}
	}
	return json.Marshal(wire)
}

// UnmarshalJSON implements [json.Unmarshaler]. It keeps the fields whose
// members are missing.
func (s *Settings) UnmarshalJSON(text []byte) error {
	wire := s.wire()
	wire.Failures = nil // Unmarshal would write into the elements that are there
	if err := json.Unmarshal(text, &wire); err != nil {
		return err
	}
	if wire.Failures == nil {
		wire.Failures = s.Failures
	}
	if wire.ExpiresIn != "" {
		if err := checkExpiresIn(wire.ExpiresIn); err != nil {
			return err
		}
	}
	for _, f := range wire.Failures {
		if err := f.check(); err != nil {
			return err
		}
	}
	*s = Settings{
		LatencyBefore:       time.Duration(wire.LatencyBefore),
		LatencyAfter:        time.Duration(wire.LatencyAfter),
		GracePeriod:         time.Duration(wire.GracePeriod),
		AccessTokenLifetime: time.Duration(wire.AccessTokenLifetime),
		ExpiresIn:           wire.ExpiresIn,
		Failures:            wire.Failures,
	}
	return nil
}

func (s Settings) wire() settingsJSON {
	return settingsJSON{
		LatencyBefore:       milliseconds(s.LatencyBefore),
		LatencyAfter:        milliseconds(s.LatencyAfter),
		GracePeriod:         milliseconds(s.GracePeriod),
		AccessTokenLifetime: milliseconds(s.AccessTokenLifetime),
		ExpiresIn:           s.ExpiresIn,
		Failures:            s.Failures,
	}
}
