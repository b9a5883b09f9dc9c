// Package e2e tests onerefresh in real tabs of a real browser, against the
// authorization server of the demonstration. What the token endpoint received,
// and what the tabs got, is the truth.
package e2e
