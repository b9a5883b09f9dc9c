package tokenlog

import (
	"strings"
	"testing"
	"time"
)

// The shapes are those of the vendors' documentation; see vendors.go.
var samples = map[string]struct {
	record string
	want   Event // without time: none
	at     string
}{
	"slog": {
		`{"time":"2026-11-21T15:04:05.123456789Z","level":"WARN","msg":"token request","client_id":"spa","user":"alice","grant_type":"refresh_token","status":400,"error":"invalid_grant"}`,
		Event{Outcome: Refused, Client: "spa", User: "alice", Code: "invalid_grant"}, "2026-11-21T15:04:05.123456789Z"},
	"slog, granted": {
		`{"time":"2026-11-21T16:04:05.123+01:00","msg":"token request","client_id":"spa","user":"alice","grant_type":"refresh_token","status":200}`,
		Event{Outcome: Granted, Client: "spa", User: "alice"}, "2026-11-21T15:04:05.123Z"},
	"another grant": {
		`{"time":"2026-11-21T15:04:05Z","msg":"token request","client_id":"spa","grant_type":"authorization_code","status":400,"error":"invalid_grant"}`, Event{}, ""},
	"another error": {
		`{"time":"2026-11-21T15:04:05Z","client_id":"spa","grant_type":"refresh_token","status":401,"error":"invalid_client"}`, Event{}, ""},
	"rate limit": {
		`{"time":"2026-11-21T15:04:05Z","client_id":"spa","grant_type":"refresh_token","status":429,"error":"invalid_grant"}`, Event{}, ""},
	"another path": {
		`{"time":"2026-11-21T15:04:05Z","path":"/orders","status":401,"msg":"invalid_grant of a token"}`, Event{}, ""},
	"pino": {
		`{"level":50,"time":1795273445123,"err":{"type":"ResponseBodyError","message":"server responded with an error","error":"invalid_grant"},"user":{"id":"u1"},"msg":"refresh failed"}`,
		Event{Outcome: Refused, User: "u1", Code: "invalid_grant"}, "2026-11-21T15:04:05.123Z"},
	"Codex": {
		`{"ts":1795273445.5,"error":{"code":"refresh_token_reused","message":"Your refresh token has already been used"},"session_id":"s1"}`,
		Event{Outcome: Reused, Session: "s1", Code: "refresh_token_reused"}, "2026-11-21T15:04:05.5Z"},
	"Supabase": {
		`{"time":"2026-11-21T15:04:05Z","path":"/auth/v1/token?grant_type=refresh_token","method":"POST","status":400,"error_code":"refresh_token_already_used","remote_addr":"10.0.0.7"}`,
		Event{Outcome: Reused, Address: "10.0.0.7", Code: "refresh_token_already_used"}, "2026-11-21T15:04:05Z"},
	"Supabase, password": {
		`{"time":"2026-11-21T15:04:05Z","path":"/auth/v1/token?grant_type=password","method":"POST","status":400,"remote_addr":"10.0.0.7"}`, Event{}, ""},
	"Caddy": {
		`{"level":"info","ts":1795273445.25,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"10.0.0.7","method":"POST","uri":"/oauth2/token","headers":{"User-Agent":["Mozilla/5.0"]}},"status":400}`,
		Event{Outcome: Refused, Address: "10.0.0.7", Code: "HTTP 400"}, "2026-11-21T15:04:05.25Z"},
	"nginx, JSON": {
		`{"msec":"1795273445.250","remote_addr":"10.0.0.7","request":"POST /oauth2/token HTTP/1.1","status":"200","http_user_agent":"Mozilla/5.0"}`,
		Event{Outcome: Granted, Address: "10.0.0.7 Mozilla/5.0"}, "2026-11-21T15:04:05.25Z"},
	"Docker": {
		`{"log":"{\"time\":\"2026-11-21T15:04:05Z\",\"grant_type\":\"refresh_token\",\"status\":200,\"user\":\"bob\"}\n","stream":"stdout","time":"2026-11-21T15:04:06Z"}`,
		Event{Outcome: Granted, User: "bob"}, "2026-11-21T15:04:05Z"},
	"Kubernetes": {
		`2026-11-21T15:04:05.5Z stdout F {"grant_type":"refresh_token","status":200,"user":"bob"}`,
		Event{Outcome: Granted, User: "bob"}, "2026-11-21T15:04:05.5Z"},
	"logfmt": {
		`ts=2026-11-21T15:04:05.5Z level=warn msg="token refresh failed" client_id=spa sub=alice error=invalid_grant`,
		Event{Outcome: Refused, Client: "spa", User: "alice", Code: "invalid_grant"}, "2026-11-21T15:04:05.5Z"},
	"application": {
		`2026-11-21 15:04:05,500 INFO token refreshed user=alice`,
		Event{Outcome: Granted, User: "alice"}, "2026-11-21T15:04:05.5Z"},
	"application, going to": {
		`2026-11-21 15:04:05,500 INFO will have the token refreshed user=alice`, Event{}, ""},
	"combined": {
		`10.0.0.7 - alice [21/Nov/2026:16:04:05 +0100] "POST /oauth2/token HTTP/1.1" 400 80 "https://app.example/" "Mozilla/5.0 (X11)"`,
		Event{Outcome: Refused, User: "alice", Address: "10.0.0.7 Mozilla/5.0 (X11)", Code: "HTTP 400"}, "2026-11-21T15:04:05Z"},
	"combined, milliseconds": {
		`10.0.0.7 - - [21/Nov/2026:15:04:05.123 +0000] "POST /realms/x/protocol/openid-connect/token HTTP/2.0" 200 900 "-" "Mozilla/5.0"`,
		Event{Outcome: Granted, Address: "10.0.0.7 Mozilla/5.0"}, "2026-11-21T15:04:05.123Z"},
	"combined, GET":        {`10.0.0.7 - - [21/Nov/2026:15:04:05 +0000] "GET /oauth2/token HTTP/1.1" 400 80 "-" "-"`, Event{}, ""},
	"combined, other path": {`10.0.0.7 - - [21/Nov/2026:15:04:05 +0000] "POST /token/info HTTP/1.1" 400 80 "-" "-"`, Event{}, ""},
	"combined, 500":        {`10.0.0.7 - - [21/Nov/2026:15:04:05 +0000] "POST /token HTTP/1.1" 500 80 "-" "-"`, Event{}, ""},
	"Okta, reuse": {
		`{"actor":{"id":"0oa1","type":"PublicClientApp","alternateId":"0oa1"},"client":{"ipAddress":"10.0.0.7"},"outcome":{"result":"FAILURE"},"published":"2026-11-21T15:04:05.123Z","eventType":"app.oauth2.as.token.detect_reuse","transaction":{"type":"WEB","id":"t1"},"target":[{"id":"x","type":"refresh_token"},{"id":"00u1","type":"User"}]}`,
		Event{Outcome: Reused, Client: "0oa1", User: "00u1", Address: "10.0.0.7", Request: "t1", Code: "detect_reuse"}, "2026-11-21T15:04:05.123Z"},
	"Okta, refused": {
		`{"actor":{"id":"0oa1","type":"PublicClientApp"},"client":{"ipAddress":"10.0.0.7"},"outcome":{"result":"FAILURE","reason":"invalid_grant"},"published":"2026-11-21T15:04:05.123Z","eventType":"app.oauth2.as.token.grant","debugContext":{"debugData":{"grantType":"refresh_token"}},"transaction":{"id":"t1"},"target":null}`,
		Event{Outcome: Refused, Client: "0oa1", Address: "10.0.0.7", Request: "t1", Code: "invalid_grant"}, "2026-11-21T15:04:05.123Z"},
	"Okta, granted": {
		`{"actor":{"id":"00u1","type":"User"},"outcome":{"result":"SUCCESS"},"published":"2026-11-21T15:04:05.123Z","eventType":"app.oauth2.token.grant.access_token","debugContext":{"debugData":{"grantType":"refresh_token"}},"transaction":{"id":"t1"},"target":[{"id":"0oa1","type":"PublicClientApp"}]}`,
		Event{Outcome: Granted, Client: "0oa1", User: "00u1", Request: "t1"}, "2026-11-21T15:04:05.123Z"},
	"Okta, signed in": {
		`{"outcome":{"result":"SUCCESS"},"published":"2026-11-21T15:04:05.123Z","eventType":"app.oauth2.token.grant.refresh_token","debugContext":{"debugData":{"grantType":"authorization_code"}}}`, Event{}, ""},
	"Auth0, granted": {
		`{"date":"2026-11-21T15:04:05.123Z","type":"sertft","client_id":"c1","client_name":"SPA","ip":"10.0.0.7","user_id":"auth0|1","log_id":"9001"}`,
		Event{Outcome: Granted, Client: "c1", User: "auth0|1", Address: "10.0.0.7", Request: "9001"}, "2026-11-21T15:04:05.123Z"},
	"Auth0, reuse, stream": {
		`{"log_id":"9002","data":{"date":"2026-11-21T15:04:05.123Z","type":"ferrt","description":"Unsuccessful Refresh Token exchange, reused refresh token detected","client_id":"c1","ip":"10.0.0.7","user_agent":"Mozilla/5.0","user_id":"auth0|1","log_id":"9002"}}`,
		Event{Outcome: Reused, Client: "c1", User: "auth0|1", Address: "10.0.0.7 Mozilla/5.0", Request: "9002", Code: "ferrt"}, "2026-11-21T15:04:05.123Z"},
	"Auth0, expired": {
		`{"date":"2026-11-21T15:04:05.123Z","type":"fertft","description":"Unknown or invalid refresh token.","client_id":"c1","ip":"10.0.0.7","log_id":"9003"}`,
		Event{Outcome: Refused, Client: "c1", Address: "10.0.0.7", Request: "9003", Code: "fertft"}, "2026-11-21T15:04:05.123Z"},
	"Auth0, another event": {`{"date":"2026-11-21T15:04:05.123Z","type":"seacft","description":"Authorization Code for Access Token","client_id":"c1"}`, Event{}, ""},
	"Keycloak, log": {
		`2026-11-21 15:04:05,123 WARN  [org.keycloak.events] (executor-thread-69) type="REFRESH_TOKEN_ERROR", realmId="a08090fc", realmName="r", clientId="spa", userId="null", sessionId="UsunRJPI", ipAddress="172.18.0.1", error="invalid_token", reason="Session not active", grant_type="refresh_token", refresh_token_type="Refresh"`,
		Event{Outcome: Refused, Client: "spa", Session: "UsunRJPI", Address: "172.18.0.1", Code: "invalid_token"}, "2026-11-21T15:04:05.123Z"},
	"Keycloak, reuse": {
		`2026-11-21 15:04:05,123 WARN  [org.keycloak.events] (x) type="REFRESH_TOKEN_ERROR", clientId="spa", userId="u1", sessionId="s1", ipAddress="172.18.0.1", error="invalid_token", reason="Maximum allowed refresh token reuse exceeded", grant_type="refresh_token"`,
		Event{Outcome: Reused, Client: "spa", Session: "s1", User: "u1", Address: "172.18.0.1", Code: "reuse exceeded"}, "2026-11-21T15:04:05.123Z"},
	"Keycloak of old": {
		`11:36:09,965 WARN [org.keycloak.events] (default task-51) type=REFRESH_TOKEN_ERROR, realmId=master, clientId=myapp, userId=19aeb848, ipAddress=127.0.0.1, error=invalid_token, grant_type=refresh_token`,
		Event{Outcome: Refused, Client: "myapp", User: "19aeb848", Address: "127.0.0.1", Code: "invalid_token"}, "2000-01-01T11:36:09.965Z"},
	"Keycloak, granted": {
		`2026-11-21 15:04:05,123 DEBUG [org.keycloak.events] (x) type="REFRESH_TOKEN", clientId="spa", userId="u1", sessionId="s1", ipAddress="172.18.0.1", token_id="t"`,
		Event{Outcome: Granted, Client: "spa", Session: "s1", User: "u1", Address: "172.18.0.1"}, "2026-11-21T15:04:05.123Z"},
	"Keycloak, client": {
		`2026-11-21 15:04:05,123 WARN  [org.keycloak.events] (x) type="REFRESH_TOKEN_ERROR", clientId="spa", error="invalid_client_credentials"`, Event{}, ""},
	"Keycloak, API": {
		`{"time":1795273445123,"type":"REFRESH_TOKEN_ERROR","realmId":"r","clientId":"spa","userId":"u1","sessionId":"s1","ipAddress":"127.0.0.1","error":"invalid_token","details":{"grant_type":"refresh_token","reason":"Stale token"}}`,
		Event{Outcome: Reused, Client: "spa", Session: "s1", User: "u1", Address: "127.0.0.1", Code: "reuse exceeded"}, "2026-11-21T15:04:05.123Z"},
	"Keycloak, JSON console": {
		`{"timestamp":"2026-11-21T15:04:05.123Z","loggerName":"org.keycloak.events","level":"WARN","message":"type=\"REFRESH_TOKEN_ERROR\", clientId=\"spa\", userId=\"u1\", sessionId=\"s1\", ipAddress=\"127.0.0.1\", error=\"invalid_token\""}`,
		Event{Outcome: Refused, Client: "spa", Session: "s1", User: "u1", Address: "127.0.0.1", Code: "invalid_token"}, "2026-11-21T15:04:05.123Z"},
	"Keycloak, admin": {`{"time":1758790053392,"type":"LOGIN","clientId":"admin-cli","details":{"grant":"token"}}`, Event{}, ""},
	"nothing":         {`token`, Event{}, ""},
	"no JSON":         {`{"error":"invalid_grant","token`, Event{Outcome: Refused, Code: "invalid_grant"}, ""},
}

func TestParse(t *testing.T) {
	for name, tc := range samples {
		t.Run(name, func(t *testing.T) {
			got, ok := (&Parser{}).Parse([]byte(tc.record))
			if ok != (tc.want.Outcome != 0) {
				t.Fatalf("got %+v, %v", got, ok)
			}
			at := ""
			if got.At != 0 {
				at = got.Time().Format(time.RFC3339Nano)
			}
			if at != tc.at {
				t.Errorf("at %q, want %q", at, tc.at)
			}
			got.At = 0
			if got != tc.want {
				t.Errorf("got  %+v\nwant %+v", got, tc.want)
			}
		})
	}
}

func TestClocks(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-21T15:04:05Z":                "2026-11-21T15:04:05Z",
		"2026-11-21T15:04:05.123456789+05:30": "2026-11-21T09:34:05.123456789Z",
		"2026-11-21T15:04:05.1-0800":          "2026-11-21T23:04:05.1Z",
		"2026-11-21 15:04:05,123":             "2026-11-21T15:04:05.123Z",
		"2026-11-21 15:04:05.123 +01":         "2026-11-21T14:04:05.123Z",
		"2026/11/21 15:04:05.000001":          "2026-11-21T15:04:05.000001Z",
		"21/Nov/2026:15:04:05 +0000":          "2026-11-21T15:04:05Z",
		"[21/Nov/2026:15:04:05.250 -0100]":    "2026-11-21T16:04:05.25Z",
		"1795273445":                          "2026-11-21T15:04:05Z",
		"1795273445.123":                      "2026-11-21T15:04:05.123Z",
		"1795273445123":                       "2026-11-21T15:04:05.123Z",
		"1795273445123456":                    "2026-11-21T15:04:05.123456Z",
		"1795273445123456789":                 "2026-11-21T15:04:05.123456789Z",
		"1.795273445e9":                       "2026-11-21T15:04:05Z",
		"Sat, 21 Nov 2026 15:04:05 GMT":       "2026-11-21T15:04:05Z",
		"Nov 21 15:04:05":                     "2000-11-21T15:04:05Z",
		"15:04:05,250":                        "2000-01-01T15:04:05.25Z",
		"yesterday":                           "",
		"2026":                                "",
		"2026-13-21T15:04:05Z":                "",
		"":                                    "",
		"99999999999999999999":                "",
	} {
		ns, ok := parseClock(text)
		got := ""
		if ok {
			got = Event{At: ns}.Time().Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestPath(t *testing.T) {
	line := []byte(`10.0.0.7 - - [21/Nov/2026:15:04:05 +0000] "POST /session/renew?token HTTP/1.1" 401 80 "-" "-"`)
	if _, ok := (&Parser{}).Parse(line); ok {
		t.Error("it is an event")
	}
	if e, ok := (&Parser{Path: "/renew"}).Parse(line); !ok || e.Outcome != Refused {
		t.Errorf("got %+v, %v", e, ok)
	}
}

func FuzzJSON(f *testing.F)     { fuzz(f, "{") }
func FuzzText(f *testing.F)     { fuzz(f, "") }
func FuzzVendors(f *testing.F)  { fuzz(f, "Okta", "Auth0", "Keycloak") }
func FuzzCombined(f *testing.F) { fuzz(f, "combined") }

// fuzz begins with the records whose name or text begins with one of these.
func fuzz(f *testing.F, begins ...string) {
	for name, tc := range samples {
		for _, b := range begins {
			if strings.HasPrefix(name, b) || strings.HasPrefix(tc.record, b) {
				f.Add([]byte(tc.record))
			}
		}
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		e, ok := (&Parser{}).Parse(record)
		switch {
		case !ok && e != Event{}:
			t.Errorf("no event, but %+v", e)
		case ok && (e.Outcome < Granted || e.Outcome > Reused):
			t.Errorf("outcome %d", e.Outcome)
		case ok && (e.Outcome == Granted) != (e.Code == ""):
			t.Errorf("outcome %d, code %q", e.Outcome, e.Code)
		case e.At != 0 && (e.Time().Year() < 1900 || e.Time().Year() > 2200):
			t.Errorf("at %v", e.Time())
		}
	})
}

func FuzzClock(f *testing.F) {
	for _, s := range []string{"2026-11-21T15:04:05.123456789+05:30", "21/Nov/2026:15:04:05 +0000", "1795273445.123", "1e18", "15:04:05,250", "Nov 21 15:04:05"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseClock(text)
		want, err := time.Parse(time.RFC3339, text)
		if err == nil && text[len("2006-01-02T15")] != ':' {
			return // an hour of one digit is good enough for package time, but not RFC 3339
		}
		if err == nil && want.Year() > 1900 && want.Year() < 2200 && (!ok || got != want.UnixNano()) {
			t.Errorf("got %d, %v, want %d", got, ok, want.UnixNano())
		}
	})
}
