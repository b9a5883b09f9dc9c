//go:build js && wasm

package main

import (
	"context"

	"github.com/onerefresh/onerefresh/jsbridge"
)

// A field of a form.
type field struct{ name, value string }

// post sends a form, and returns the answer once all of it is there. Whatever
// goes wrong, the form may have been received.
func post(ctx context.Context, url string, form []field) (answer, error) {
	pairs := make([]any, len(form))
	for i, f := range form {
		pairs[i] = []any{f.name, f.value}
	}
	params, err := jsbridge.Global().Get("URLSearchParams")
	if err != nil {
		return answer{}, err
	}
	body, err := params.New(pairs)
	if err != nil {
		return answer{}, err
	}
	signal, stop := jsbridge.Signal(ctx)
	defer stop()
	pending, err := jsbridge.Global().Call("fetch", url, map[string]any{
		"method":   "POST",
		"headers":  map[string]any{"Accept": "application/json"},
		"body":     body,
		"cache":    "no-store",
		"redirect": "error", // nobody else is to see the refresh token
		"signal":   signal,
	})
	if err != nil {
		return answer{}, err
	}
	response, err := jsbridge.Await(ctx, pending)
	if err != nil {
		return answer{}, err
	}
	return read(ctx, response)
}

func read(ctx context.Context, response jsbridge.Value) (answer, error) {
	status, err := response.Get("status")
	if err != nil {
		return answer{}, err
	}
	headers, err := response.Get("headers")
	if err != nil {
		return answer{}, err
	}
	retry, err := headers.Call("get", "Retry-After")
	if err != nil {
		return answer{}, err
	}
	pending, err := response.Call("text")
	if err != nil {
		return answer{}, err
	}
	text, err := jsbridge.Await(ctx, pending)
	if err != nil {
		return answer{}, err
	}
	var a answer
	n, _ := status.Number()
	a.status = int(n)
	header, _ := retry.Text()
	a.retryAfter = retryAfter(header, jsbridge.Clock{}.Now())
	a.body, _ = text.Text()
	return a, nil
}
