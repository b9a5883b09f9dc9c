package tokenlog

import (
	"strings"

	"github.com/onerefresh/onerefresh/internal/jsontext"
)

// okta reads an entry of the System Log, as its API and its export have it.
// What is granted is logged by kind of token, what is refused as such; both
// are there for any grant type.
// See https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog/
// and https://developer.okta.com/docs/guides/refresh-tokens/main/.
func okta(members []jsontext.Member) (Event, bool) {
	event := text(members, "eventType")
	if !strings.HasPrefix(event, "app.oauth2.") {
		return Event{}, false
	}
	grant := text(members, "debugContext", "debugData", "grantType")
	result := text(members, "outcome", "result")
	var e Event
	switch {
	case strings.HasSuffix(event, ".token.detect_reuse"):
		e.Outcome, e.Code = Reused, "detect_reuse"
	case grant != "" && grant != "refresh_token" || !strings.Contains(event, ".token.grant"):
		return Event{}, false
	case result == "SUCCESS" && (grant == "refresh_token" && strings.HasSuffix(event, ".access_token") || grant == "" && strings.HasSuffix(event, ".refresh_token")):
		e.Outcome = Granted
	case result == "FAILURE":
		if e.Outcome, e.Code = refusal(strings.ToLower(text(members, "outcome", "reason"))); e.Outcome == 0 {
			return Event{}, false
		}
	default:
		return Event{}, false
	}
	who := func(kind, id string) {
		switch kind {
		case "User":
			e.User = id
		case "PublicClientApp", "ConfidentialClientApp", "AppInstance":
			e.Client = id
		}
	}
	each(member(members, "target"), func(target []jsontext.Member) { who(text(target, "type"), text(target, "id")) })
	who(text(members, "actor", "type"), text(members, "actor", "id"))
	e.Address = text(members, "client", "ipAddress")
	e.Request = text(members, "transaction", "id")
	e.At, _ = parseClock(text(members, "published"))
	return e, true
}

// auth0Types are the codes of log events that are about refresh tokens.
// See https://auth0.com/docs/deploy-monitor/logs/log-event-type-codes.
var auth0Types = map[string]Outcome{
	"sertft": Granted, // Successful Exchange of Refresh Token for Access Token
	"fertft": Refused, // Failed Exchange of Refresh Token for Access Token
	"ferrt":  Reused,  // Failed Exchange of Rotating Refresh Token
}

// auth0 reads an entry of the tenant logs, as the Management API, the export
// and the log streams have it.
func auth0(members []jsontext.Member) (Event, bool) {
	kind := text(members, "type")
	e := Event{
		Outcome: auth0Types[kind],
		Client:  text(members, "client_id"),
		User:    text(members, "user_id"),
		Address: strings.TrimSpace(text(members, "ip") + " " + text(members, "user_agent")),
		Request: text(members, "log_id"),
	}
	if e.Outcome != Granted {
		e.Code = kind
	}
	e.At, _ = parseClock(text(members, "date"))
	return e, true
}

// keycloak reads an event as the Admin API has it.
// See https://www.keycloak.org/docs-api/latest/rest-api/#EventRepresentation.
func keycloak(members []jsontext.Member) (Event, bool) {
	var f fields
	for name, id := range map[string]field{"type": fEvent, "clientId": fClient, "userId": fUser, "sessionId": fSession, "ipAddress": fAddress, "error": fError} {
		f.set(id, text(members, name))
	}
	f.set(fText, text(members, "details", "reason"))
	e, ok := keycloakFields(&f)
	e.At, _ = parseClock(text(members, "time"))
	return e, ok
}

// keycloakFields reads an event, of which the log has
//
//	type="REFRESH_TOKEN_ERROR", clientId="app", userId="null", sessionId="…", ipAddress="…", error="invalid_token", reason="…"
//
// The server answers invalid_grant where its log says invalid_token.
func keycloakFields(f *fields) (Event, bool) {
	e := Event{Client: f[fClient], Session: f[fSession], User: f[fUser], Address: f[fAddress]}
	reason := strings.ToLower(f[fText])
	switch {
	case f[fEvent] == "REFRESH_TOKEN":
		e.Outcome = Granted
	case f[fEvent] != "REFRESH_TOKEN_ERROR":
		return Event{}, false
	case strings.Contains(reason, "reuse exceeded"), strings.Contains(reason, "stale token"):
		e.Outcome, e.Code = Reused, "reuse exceeded"
	case f[fError] == "invalid_token", f[fError] == "expired_token", f[fError] == "invalid_refresh_token":
		e.Outcome, e.Code = Refused, f[fError]
	default: // invalid_client and the like
		return Event{}, false
	}
	return e, true
}

// each calls f with the members of each object in an array.
func each(array jsontext.Value, f func([]jsontext.Member)) {
	if array == "" || array[0] != '[' {
		return
	}
	for rest := string(array[1:]); ; {
		begin := strings.IndexByte(rest, '{')
		if begin < 0 {
			return
		}
		rest = rest[begin:]
		end := object([]byte(rest))
		if end < 0 {
			return
		}
		if members, ok := jsontext.Value(rest[:end]).Members(); ok {
			f(members)
		}
		rest = rest[end:]
	}
}
