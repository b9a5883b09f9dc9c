// Package examples holds recipes: small files that use onerefresh with what
// pages have already. Its tests run each of them in Chromium, in several tabs,
// against an authorization server that detects the reuse of a refresh token, and
// hold the code that is printed in the documentation against the files that are
// run.
package examples
