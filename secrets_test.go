package onerefresh_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onerefresh/onerefresh"
	"github.com/onerefresh/onerefresh/locks"
	"github.com/onerefresh/onerefresh/stores"
)

// Each token has this in it, and characters that are escaped in URLs.
const secret = "xSECRETx"

var (
	secretResponse = onerefresh.Response{
		AccessToken: secret + "access/1==", RefreshToken: secret + "refresh+1/", IDToken: secret + "id.1.2",
		ExpiresIn: time.Minute, Extra: map[string]string{"upstream": `"` + secret + `"`},
	}
	secretToken = onerefresh.Token{
		AccessToken: secretResponse.AccessToken, RefreshToken: secretResponse.RefreshToken, IDToken: secretResponse.IDToken,
		Extra: secretResponse.Extra,
	}
)

// Whatever is printed, logged or formatted into an error has no token in it.
func TestNoTokenIsPrinted(t *testing.T) {
	record := onerefresh.Record{Generation: 7, Token: secretToken}
	for _, value := range []any{
		secretToken, &secretToken, secretResponse, &secretResponse, record, &record,
		[]onerefresh.Token{secretToken}, []*onerefresh.Token{&secretToken}, map[string]onerefresh.Record{"a": record},
		struct{ Token onerefresh.Token }{secretToken}, struct{ Any any }{record},
		fmt.Errorf("wrapped: %v", record),
	} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%10v"} {
			text := fmt.Sprintf(format, value)
			if strings.Contains(text, secret) || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", secret)) {
				t.Errorf("%s of a %T is %s", format, value, text)
			}
		}
		if text := fmt.Sprint(value); strings.Contains(text, secret) {
			t.Errorf("Sprint of a %T is %s", value, text)
		}
	}
	// The search finds what is there.
	if text := fmt.Sprintf("%+v", struct{ A string }{secretToken.AccessToken}); !strings.Contains(text, secret) {
		t.Errorf("a string prints as %s", text)
	}
}

// echo is a token endpoint that repeats what it was sent, and more.
type echo struct{ say func(said string) error }

func (e echo) Refresh(_ context.Context, refreshToken string) (onerefresh.Response, error) {
	said := strings.Join([]string{
		refreshToken, url.QueryEscape(refreshToken), url.PathEscape(refreshToken), html.EscapeString(refreshToken),
		secretToken.AccessToken, "Bearer " + url.QueryEscape(secretToken.AccessToken), secretToken.IDToken,
	}, " ")
	return onerefresh.Response{}, e.say(said)
}

// An endpoint may echo the request in its description, and a function of the
// page may put it into what it throws.
func TestNoTokenIsInErrorsOrEvents(t *testing.T) {
	refuse := func(status int, code string) func(string) error {
		return func(said string) error {
			return &onerefresh.RefreshError{Status: status, Code: code, Description: said}
		}
	}
	for name, say := range map[string]func(string) error{
		"invalid_grant":  refuse(400, "invalid_grant"),
		"invalid_client": refuse(401, "invalid_client"),
		"503":            refuse(503, "temporarily_unavailable"),
		"echo as code":   func(said string) error { return &onerefresh.RefreshError{Status: 400, Code: said} },
		"network":        func(said string) error { return errors.New("no answer to " + said) },
		"panic":          func(said string) error { panic(said) },
		"wrapped":        func(said string) error { return fmt.Errorf("%w: %s", refuse(400, "invalid_grant")(said), said) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				seen := new(strings.Builder)
				look := func(err error) {
					for ; err != nil; err = errors.Unwrap(err) {
						fmt.Fprintf(seen, "%v %+v %#v\n", err, err, err)
						var e *onerefresh.Error
						if errors.As(err, &e) {
							fmt.Fprintf(seen, "%+v\n", *e)
						}
					}
				}
				s, err := onerefresh.Open(onerefresh.Options{
					Name: "s", Store: stores.Memory(), Locker: locks.Process(), Refresher: echo{say},
					OnEvent: func(e onerefresh.Event) {
						fmt.Fprintf(seen, "%+v\n", e)
						look(e.Err)
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				if err := s.SignIn(t.Context(), secretResponse); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					_, err := s.Refresh(t.Context(), "")
					if err == nil {
						t.Fatal("no error")
					}
					look(err)
					time.Sleep(time.Minute)
				}
				synctest.Wait()
				if strings.Contains(seen.String(), secret) {
					t.Errorf("seen:\n%s", seen)
				}
				if !strings.Contains(seen.String(), "onerefresh: ") {
					t.Errorf("nothing seen:\n%s", seen)
				}
			})
		})
	}
}
