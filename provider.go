package onerefresh

import (
	"errors"
	"strings"
	"time"
)

// A Provider names what is known of an authorization server: an entry of the
// table that docs/providers.md shows.
type Provider string

const (
	// Generic is a server that keeps to RFC 6749. What is not known of it is
	// taken to be the strictest: reuse ends the session at once.
	Generic Provider = "generic"

	Okta       Provider = "okta"
	Auth0      Provider = "auth0"
	Entra      Provider = "entra" // Microsoft Entra ID
	Google     Provider = "google"
	Salesforce Provider = "salesforce"
	Keycloak   Provider = "keycloak"
	Cognito    Provider = "cognito" // Amazon Cognito
	WorkOS     Provider = "workos"
	Supabase   Provider = "supabase"
	Medplum    Provider = "medplum"
	Hydra      Provider = "hydra"  // Ory Hydra
	Duende     Provider = "duende" // Duende IdentityServer
	FusionAuth Provider = "fusionauth"
	Logto      Provider = "logto"
)

// A profile says what is known of a provider. The zero value of each field
// stands for what is not known, and for how that is treated.
type profile struct {
	name Provider

	// ended are the error codes, beside invalid_grant, after which the refresh
	// token is of no use for good. They are separated by spaces.
	ended string

	// undecided are the codes, of those that RFC 6749 has for requests that are
	// wrong, that say no such thing here: the next request may succeed.
	undecided string

	// lifetime is how long an access token is taken to live where the answer
	// does not say. Zero makes such an answer a broken one.
	lifetime time.Duration

	// grace, omits and reuse change nothing in what a session does: a lost
	// answer is asked for again at once, which is within any grace period; an
	// omitted refresh token is kept; and reuse is avoided. Those who set up a
	// server want to know.
	grace grace
	omits omits
	reuse reuse
}

// A grace period is for how long a server by default accepts a spent refresh
// token again, in seconds.
type grace int8

const (
	graceUnknown grace = 0
	graceNone    grace = -1
	graceNeeded  grace = -2 // none is needed: a refresh token is not spent by its use
)

// omits says whether an answer may come without a refresh token.
type omits int8

const (
	omitsUnknown omits = iota
	omitsNever
	omitsSome
)

// reuse says what a spent refresh token that comes again ends.
type reuse int8

const (
	reuseUnknown reuse = iota
	reuseFamily        // all refresh tokens of the sign-in
	reuseRefused       // nothing: it is refused
	reuseNone          // nothing: it still works
)

// profiles is the table. The comment of each entry names its sources;
// docs/providers.md is made of both.
var profiles = [...]profile{
	// Whatever the server says of itself counts for more.
	// [RFC 6749, sections 5 and 6](https://www.rfc-editor.org/rfc/rfc6749#section-5.2),
	// [RFC 9700, section 4.14.2](https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2)
	{name: Generic, omits: omitsSome, reuse: reuseFamily},

	// Single-page applications rotate by default, others do not. The grace
	// period can be set from 0 to 60 s.
	// [Refresh access tokens](https://developer.okta.com/docs/guides/refresh-tokens/main/)
	{name: Okta, grace: 30, reuse: reuseFamily},

	// The leeway is off by default; within it only the token before the
	// current one counts. Refresh tokens that do not rotate are not sent again.
	// [Refresh token rotation](https://auth0.com/docs/secure/tokens/refresh-tokens/refresh-token-rotation),
	// [Use refresh tokens](https://auth0.com/docs/secure/tokens/refresh-tokens/use-refresh-tokens)
	{name: Auth0, grace: graceNone, omits: omitsSome, reuse: reuseFamily},

	// Refresh tokens are replaced, and the old ones not revoked. What asks for
	// interaction can only be answered by a sign-in.
	// [Refresh tokens](https://learn.microsoft.com/entra/identity-platform/refresh-tokens),
	// [InteractionRequiredAuthErrorCodes of MSAL](https://learn.microsoft.com/javascript/api/@azure/msal-node/interactionrequiredautherrorcodes)
	{name: Entra, ended: "interaction_required consent_required login_required bad_token", grace: graceNeeded, omits: omitsNever, reuse: reuseNone},

	// Refresh tokens do not rotate.
	// [OAuth 2.0 for web server applications](https://developers.google.com/identity/protocols/oauth2/web-server#offline)
	{name: Google, grace: graceNeeded, omits: omitsSome, reuse: reuseNone},

	// Rotation is off unless it is enabled. expires_in is not sent; a session
	// lasts for 2 h by default, and 15 min is the least that can be set.
	// [The refresh token in the flow](https://developer.salesforce.com/docs/atlas.en-us.218.0.api_rest.meta/api_rest/intro_understanding_refresh_token_oauth.htm),
	// [When do access tokens expire](https://dev.to/xkit/when-do-salesforce-access-tokens-expire-1ih9),
	// [Session settings](http://www.sfdc316.com/2015/03/salesforce-session-settings-session.html)
	{name: Salesforce, lifetime: 15 * time.Minute, omits: omitsSome},

	// Only with Revoke Refresh Token, which has a number of reuses in place of
	// a grace period. A reuse was seen to end the session of the client.
	// [TokenManager.java](https://github.com/keycloak/keycloak/blob/main/services/src/main/java/org/keycloak/protocol/oidc/TokenManager.java)
	{name: Keycloak, grace: graceNone, reuse: reuseFamily},

	// Rotation is off unless it is enabled, with a grace period from 0 to 60 s.
	// The codes are the names of exceptions of GetTokensFromRefreshToken: give
	// them as error from your own refresh.
	// [RefreshTokenRotationType](https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RefreshTokenRotationType.html),
	// [TokenOrchestrator of AWS Amplify](https://github.com/aws-amplify/amplify-js/pull/14568)
	{name: Cognito, ended: "NotAuthorizedException TokenRevokedException UserNotFoundException PasswordResetRequiredException UserNotConfirmedException RefreshTokenReuseException", omits: omitsSome, reuse: reuseRefused},

	// There is a grace period; its length is not published.
	// [Session resilience](https://workos.com/docs/authkit/session-resilience),
	// [workos-node#1663](https://github.com/workos/workos-node/pull/1663)
	{name: WorkOS, ended: "mfa_enrollment sso_required", omits: omitsNever},

	// The token before the current one always gets the current one. The codes
	// are those of error_code: give them as error from your own refresh.
	// [Error codes](https://supabase.com/docs/guides/auth/debugging/error-codes),
	// [User sessions](https://supabase.com/docs/guides/auth/sessions)
	{name: Supabase, ended: "refresh_token_not_found refresh_token_already_used session_not_found session_expired", grace: 10, omits: omitsNever, reuse: reuseFamily},

	// A spent refresh token is answered with invalid_request.
	// [token.ts](https://github.com/medplum/medplum/blob/main/packages/server/src/oauth/token.ts)
	{name: Medplum, ended: "invalid_request", grace: graceNone, omits: omitsNever, reuse: reuseRefused},

	// The grace period is off by default. invalid_request is what a request
	// gets that meets another one with the same refresh token.
	// [Graceful token refresh](https://www.ory.com/docs/hydra/guides/graceful-token-refresh),
	// [flow_refresh.go of fosite](https://github.com/ory/fosite/blob/master/handler/oauth2/flow_refresh.go)
	{name: Hydra, ended: "token_inactive", undecided: "invalid_request", grace: graceNone, omits: omitsNever, reuse: reuseFamily},

	// Reusable by default in newer versions, for one use in older ones.
	// [Refreshing a token](https://docs.duendesoftware.com/identityserver/tokens/refresh),
	// [Refresh token service](https://docs.duendesoftware.com/identityserver/reference/services/refresh-token-service)
	{name: Duende, grace: graceNone, omits: omitsSome, reuse: reuseRefused},

	// Both the use and what reuse ends are settings of the tenant.
	// [JSON Web Tokens, refresh token settings](https://fusionauth.io/docs/lifecycle/authenticate-users/login-api/json-web-tokens)
	{name: FusionAuth},

	// Public clients always rotate.
	// [logto-io/js#1137](https://github.com/logto-io/js/issues/1137)
	{name: Logto, reuse: reuseFamily},
}

func (p Provider) known() bool { return p == "" || p.profile().name == p }

// profile returns that of p, or that of Generic.
func (p Provider) profile() *profile {
	for i := range profiles {
		if profiles[i].name == p {
			return &profiles[i]
		}
	}
	return &profiles[0]
}

// Complete adds to a token response what the provider is known to leave out:
// where err is a [*FieldError] that says that expires_in is missing, the
// lifetime that the provider's access tokens have at least. What is not known
// stays an error. A session does so by itself after an exchange; at a sign-in
// it is for whoever reads the response.
func (p Provider) Complete(r Response, err error) (Response, error) {
	if field, ok := errors.AsType[*FieldError](err); ok && field.Field == "expires_in" && field.Problem == Missing {
		if d := p.profile().lifetime; d > 0 {
			r.ExpiresIn = d
			return r, nil
		}
	}
	return r, err
}

// A class of failures says what is known of the refresh token that was sent.
type class int

const (
	noAnswer      class = iota // may have been spent, and nobody said anything
	unclear                    // may have been spent, and a server or gateway failed
	broken                     // spent, and the answer breaks the contract
	transient                  // not spent: the server did not look at it
	misconfigured              // not spent: the server does not want this client or request
	permanent                  // no good, and never will be again
)

// classify says what err, of a [Refresher], means. Permanent is only what is
// known to be: everything else keeps the session.
func (p Provider) classify(err error) class {
	if errors.Is(err, ErrNoRefreshToken) {
		return permanent
	}
	if _, ok := errors.AsType[*FieldError](err); ok {
		return broken
	}
	refusal, ok := errors.AsType[*RefreshError](err)
	if !ok {
		return noAnswer
	}
	switch refusal.Status {
	case 408, 425, 429:
		return transient
	}
	if refusal.Status >= 500 {
		return unclear
	}
	profile := p.profile()
	switch {
	case listed(profile.ended, refusal.Code):
		return permanent
	case listed(profile.undecided, refusal.Code):
		return unclear
	}
	// https://www.rfc-editor.org/rfc/rfc6749#section-5.2
	switch refusal.Code {
	case "invalid_grant":
		return permanent
	case "invalid_request", "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope":
		return misconfigured
	}
	return unclear
}

// listed reports whether code is one of codes, which are separated by spaces.
func listed(codes, code string) bool {
	return code != "" && strings.Contains(" "+codes+" ", " "+code+" ")
}

// namesField reports whether err is about a member of an answer that is a
// token response otherwise, as opposed to, say, the page of a captive portal.
func namesField(err error) bool {
	field, ok := errors.AsType[*FieldError](err)
	return ok && field.Field != ""
}
