package endpoint

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/onerefresh/onerefresh"
)

// Refresher returns a refresher that presents refresh tokens to the token
// endpoint of config, in its auth style. client is what requests are sent with;
// nil stands for [http.DefaultClient]. Redirects are not followed: a refresh
// token is for nobody else.
//
// Where the style is [oauth2.AuthStyleAutoDetect], and not known from an
// earlier exchange with the same config, the refresh token is presented a
// second time, in the other style, only if the answer to the first says that
// it was the client that was not accepted.
//
// Of an answer that breaks RFC 6749 section 5.1 the tokens are returned all
// the same, with a [*onerefresh.FieldError]. That goes for one without
// expires_in, too.
func Refresher(config *oauth2.Config, client *http.Client) onerefresh.Refresher {
	return refresher{config, client}
}

type refresher struct {
	config *oauth2.Config
	client *http.Client
}

func (r refresher) Refresh(ctx context.Context, refreshToken string) (onerefresh.Response, error) {
	if refreshToken == "" {
		return onerefresh.Response{}, onerefresh.ErrNoRefreshToken
	}
	late, stop := outlive(ctx)
	defer stop()
	listening := &listener{base: transportOf(r.client)}
	client := withoutRedirects(r.client)
	client.Transport = listening
	late = context.WithValue(late, oauth2.HTTPClient, client)
	// The answer is read by the listener: x/oauth2 drops what it does not know.
	_, err := r.config.TokenSource(late, &oauth2.Token{RefreshToken: refreshToken}).Token()
	if listening.answer == nil {
		return onerefresh.Response{}, errors.Join(listening.err, err)
	}
	return listening.answer.tokenResponse(time.Now())
}

// A listener is the transport of one refresh, and keeps the answer.
type listener struct {
	base   http.RoundTripper
	answer *answer // the last one that was read whole
	err    error   // of the last request
}

var errSpent = errors.New("the refresh token may be spent, and is not presented in another auth style")

func (l *listener) RoundTrip(request *http.Request) (*http.Response, error) {
	if l.err != nil || l.answer != nil && !l.answer.refusesClient() {
		request.Body.Close()
		return nil, errSpent
	}
	l.answer = nil
	request = request.Clone(request.Context())
	request.Header.Set("Accept", "application/json") // GitHub answers with a form otherwise
	response, err := l.base.RoundTrip(request)
	if err != nil {
		l.err = err
		return nil, err
	}
	a, err := readAnswer(response)
	if err != nil {
		l.err = err
		return nil, err
	}
	l.answer = a
	response.Body = io.NopCloser(bytes.NewReader(a.body))
	return response, nil
}

func transportOf(client *http.Client) http.RoundTripper {
	if client == nil || client.Transport == nil {
		return http.DefaultTransport
	}
	return client.Transport
}

func withoutRedirects(client *http.Client) *http.Client {
	if client == nil {
		client = http.DefaultClient
	}
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// lateness is for how long an answer may still come after its time is over.
const lateness = 5 * time.Second

// outlive returns a context that ends a while after ctx. A process that was
// stopped, or a machine that slept, while the endpoint answered finds when it
// wakes up that the time is over, and the answer not yet read. To give up at
// once would throw away the only refresh token that is good.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(lateness, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(late, func() { timer.Stop() })
	})
	return late, func() {
		stop()
		cancel(nil)
	}
}
