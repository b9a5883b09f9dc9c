package authserver_test

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh/web/demo/authserver"
)

// call sends JSON to a path and decodes the answer into v, if that is not nil.
func call(t *testing.T, c *oauth2.Config, method, path, body string, v any) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, endpoint(c, path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if v != nil {
		if err := json.Unmarshal(text, v); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	return response.StatusCode
}

func TestSettingsOverHTTP(t *testing.T) {
	s, c := start(t, authserver.Settings{LatencyBefore: 20 * time.Millisecond})
	var got authserver.Settings
	call(t, c, "PUT", "/demo/settings", `{
		"latency_after_ms": 0.5, "grace_period_ms": 10000, "expires_in": "omit",
		"failures": [{"kind": "status", "status": 429, "count": 3, "header": {"Retry-After": ["1"]}}]
	}`, &got)
	want := authserver.Settings{
		LatencyBefore: 20 * time.Millisecond,
		LatencyAfter:  500 * time.Microsecond,
		GracePeriod:   10 * time.Second,
		ExpiresIn:     authserver.Omit,
		Failures:      []authserver.Failure{{Kind: authserver.FailStatus, Status: 429, Count: 3, Header: http.Header{"Retry-After": {"1"}}}},
	}
	if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(s.Settings(), want) {
		t.Errorf("answered %+v\nin force %+v\nwant     %+v", got, s.Settings(), want)
	}
	for _, wrong := range []string{
		`{"latency_before_ms": -1}`, `{"expires_in": "soon"}`, `{"failures": [{"kind": "earthquake"}]}`,
		`{"failures": [{"kind": "status", "status": 42}]}`, `{"failures": [{"kind": "expires_in"}]}`, `not JSON`,
	} {
		if status := call(t, c, "PUT", "/demo/settings", wrong, nil); status != http.StatusBadRequest {
			t.Errorf("%s: status %d", wrong, status)
		}
	}
	if !reflect.DeepEqual(s.Settings(), want) {
		t.Error("a refused change has changed something")
	}
}

func TestGrantsAndLedgerOverHTTP(t *testing.T) {
	_, c := start(t, authserver.Settings{})
	var opened struct {
		AccessToken  string  `json:"access_token"`
		ExpiresIn    float64 `json:"expires_in"`
		RefreshToken string  `json:"refresh_token"`
		Grant        string  `json:"grant"`
	}
	call(t, c, "POST", "/demo/grants", `{"user": "ada", "expires_in": 60}`, &opened)
	if opened.ExpiresIn != 60 || !accepts(t, c, opened.AccessToken) {
		t.Errorf("opened %+v", opened)
	}
	if status := call(t, c, "POST", "/demo/grants/"+opened.Grant+"/expire", "", nil); status != http.StatusNoContent {
		t.Errorf("status = %d", status)
	}
	if accepts(t, c, opened.AccessToken) {
		t.Error("the access token is good")
	}
	mustRefresh(t, c, opened.RefreshToken)

	var l authserver.Ledger
	call(t, c, "GET", "/demo/ledger?grant="+opened.Grant, "", &l)
	if l.Grant != opened.Grant || l.User != "ada" || l.Count(authserver.OutcomeRotated) != 1 || !l.Revoked.IsZero() {
		t.Errorf("ledger = %+v", l)
	}
	var totals authserver.Totals
	call(t, c, "GET", "/demo/ledger", "", &totals)
	if totals.Grants != 1 || totals.Outcomes[authserver.OutcomeRotated] != 1 {
		t.Errorf("totals = %+v", totals)
	}
	for _, path := range []string{"/demo/ledger?grant=x", "/demo/ledger?grant="} {
		if status := call(t, c, "GET", path, "", nil); status != http.StatusNotFound {
			t.Errorf("%s: status %d", path, status)
		}
	}

	call(t, c, "POST", "/demo/grants", "", &opened)
	if opened.ExpiresIn != 0 || accepts(t, c, opened.AccessToken) {
		t.Errorf("by default a grant opens with a stale access token, and not %+v", opened)
	}
}

func TestOtherOrigins(t *testing.T) {
	_, c := start(t, authserver.Settings{})
	ask := func(method, path string) *http.Response {
		request, err := http.NewRequestWithContext(t.Context(), method, endpoint(c, path), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Origin", "https://app.test")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response
	}
	for path, method := range map[string]string{"/token": "POST", "/revoke": "POST", "/resource": "GET"} {
		if got := ask("OPTIONS", path).Header; got.Get("Access-Control-Allow-Origin") != "*" ||
			got.Get("Access-Control-Allow-Methods") != method || !strings.Contains(got.Get("Access-Control-Allow-Headers"), "Authorization") {
			t.Errorf("preflight of %s: %v", path, got)
		}
		if got := ask(method, path).Header; got.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %v", path, got)
		}
	}
	if got := ask("POST", "/demo/grants").StatusCode; got != http.StatusForbidden {
		t.Errorf("another origin opens a grant: status %d", got)
	}
}
