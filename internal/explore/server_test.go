//go:build !(js && wasm)

package explore

import (
	"strconv"
	"time"

	"github.com/onerefresh/onerefresh"
)

// A policy says what the server does with a spent refresh token.
type policy int

const (
	revokesFamily policy = iota
	refuses              // and that is all, as Medplum's server does
)

// server is an authorization server with rotation.
type server struct {
	policy   policy
	serial   int
	good     map[int]string      // by family: the refresh token that is good
	families map[string]int      // by refresh token
	spent    map[string]bool     // by refresh token
	answered map[string]answered // by refresh token
	tokens   map[string]bool     // every access token
	exchanges,
	reused int // spent tokens that were presented
	orphans int // tokens that were presented which had not been spent, of a family that was over
}

// answered says who received the answer to a refresh token, and whether its
// exchange had timed out by then.
type answered struct {
	by   *tab
	late bool
}

const lifetime = time.Hour

// grant opens a family.
func (s *server) grant() *onerefresh.Response {
	if s.good == nil {
		s.good, s.families = map[int]string{}, map[string]int{}
		s.spent = map[string]bool{}
		s.answered, s.tokens = map[string]answered{}, map[string]bool{}
	}
	family := len(s.good) + 1
	r := s.issue(family)
	r.ExpiresIn = 0
	return r
}

func (s *server) issue(family int) *onerefresh.Response {
	s.serial++
	r := &onerefresh.Response{
		AccessToken:  "a" + strconv.Itoa(s.serial),
		RefreshToken: "r" + strconv.Itoa(s.serial),
		ExpiresIn:    lifetime,
	}
	s.good[family], s.families[r.RefreshToken] = r.RefreshToken, family
	s.tokens[r.AccessToken] = true
	return r
}

func (s *server) refresh(refreshToken string) (*onerefresh.Response, error) {
	s.exchanges++
	family := s.families[refreshToken]
	if s.good[family] == refreshToken {
		s.spent[refreshToken] = true
		return s.issue(family), nil
	}
	if !s.spent[refreshToken] {
		s.orphans++
	} else {
		s.reused++
		if s.policy == revokesFamily {
			s.good[family] = ""
		}
	}
	return nil, &onerefresh.RefreshError{
		Status: 400, Code: "invalid_grant", Description: refreshToken + " is no good", // as an error may be that echoes
	}
}

func (s *server) revoke(refreshToken string) { s.good[s.families[refreshToken]] = "" }
