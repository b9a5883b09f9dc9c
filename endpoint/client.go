package endpoint

import (
	"io"
	"net/http"
	"strings"

	"github.com/onerefresh/onerefresh"
)

// Client returns a client that sends the access token of a session with each
// request. base is what it is made of, such as its Transport and Timeout; nil
// stands for [http.DefaultClient].
//
// If the answer is 401 (https://www.rfc-editor.org/rfc/rfc6750#section-3.1) the
// session is refreshed and the request sent once more, unless its body can be
// read only once, that is, has no GetBody, or the answer names another error
// than invalid_token. If there is no token, the error is the session's, and the
// request is not sent.
//
// A request that has an Authorization header is sent as it is. The token
// follows a redirect only to the same host or a subdomain of it, as the headers
// of a request do, and not from https to http. All hosts that requests are made
// to directly get it: use the client for one API.
func Client(session *onerefresh.Session, base *http.Client) *http.Client {
	if base == nil {
		base = http.DefaultClient
	}
	client := *base
	client.Transport = &transport{session, transportOf(base)}
	return &client
}

type transport struct {
	session *onerefresh.Session
	base    http.RoundTripper
}

func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Header.Get("Authorization") != "" || !mayCarry(request) {
		return t.base.RoundTrip(request)
	}
	token, err := t.session.Token(request.Context())
	if err != nil {
		closeBody(request)
		return nil, err
	}
	response, err := t.base.RoundTrip(authorize(request, token))
	if err != nil || !refusesToken(response) {
		return response, err
	}
	again := request.Clone(request.Context())
	if request.Body != nil && request.Body != http.NoBody {
		if request.GetBody == nil {
			return response, nil
		}
		if again.Body, err = request.GetBody(); err != nil {
			return response, nil
		}
	}
	renewed, err := t.session.Refresh(request.Context(), token.AccessToken)
	if err != nil {
		closeBody(again)
		response.Body.Close()
		return nil, err
	}
	// Read to its end the connection can be used again.
	io.CopyN(io.Discard, response.Body, 4<<10)
	response.Body.Close()
	return t.base.RoundTrip(authorize(again, renewed))
}

// authorize returns a copy: a transport must not modify its request.
func authorize(request *http.Request, token onerefresh.Token) *http.Request {
	request = request.Clone(request.Context())
	oauth2Token(token).SetAuthHeader(request)
	return request
}

func closeBody(request *http.Request) {
	if request.Body != nil {
		request.Body.Close()
	}
}

// refusesToken reports whether another access token might be accepted.
func refusesToken(response *http.Response) bool {
	if response.StatusCode != http.StatusUnauthorized {
		return false
	}
	challenge := strings.ToLower(strings.Join(response.Header.Values("WWW-Authenticate"), ","))
	return !strings.Contains(challenge, "error=") || strings.Contains(challenge, "invalid_token")
}

// mayCarry reports whether a request goes where the first of its redirects was
// sent to.
func mayCarry(request *http.Request) bool {
	first := request
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	if first == request {
		return true
	}
	from, to := strings.ToLower(first.URL.Hostname()), strings.ToLower(request.URL.Hostname())
	return (to == from || strings.HasSuffix(to, "."+from)) &&
		(request.URL.Scheme == "https" || first.URL.Scheme != "https")
}
