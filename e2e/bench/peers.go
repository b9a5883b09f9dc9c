//go:build !(js && wasm)

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A peer is a way for a page to get at access tokens.
type peer struct {
	Name   string // of the file in peers
	Short  string
	Title  string
	NPM    string // what the package is called in package.json
	Note   string
	Events bool // it keeps tokens in memory, and follows other tabs by events
	Floor  bool // it is there for comparison, and nobody would use it
}

func (p peer) ours() bool { return strings.HasSuffix(p.Name, "onerefresh") }

var allPeers = []peer{
	{Name: "onerefresh", Short: "onerefresh", Title: "onerefresh"},
	{Name: "plain", Short: "published pattern", Title: "the published pattern, in plain JavaScript",
		Note: "take a Web Lock, read localStorage again, skip the exchange if a peer has refreshed. The next holder may read an old copy of localStorage, and presents a refresh token that is spent."},
	{Name: "published", Short: "published pattern, demo", Title: "the published pattern, as in the demonstration"},
	{Name: "weareyipyip", Short: "multitab-token-refresh", NPM: "@weareyipyip/multitab-token-refresh",
		Note: "takes a Web Lock for each call, and reads localStorage under it, which may be an old copy. Without refreshTokenExp there is no session, so the page has to make one up."},
	{Name: "medplum", Short: "@medplum/core", NPM: "@medplum/core", Events: true,
		Note: "keeps the tokens in memory, and follows storage events. It asks for a profile whenever it has new tokens, which is a second request. A tab that has taken over another's tokens does not refresh at the next expiry: it is left without a valid token until the page is reloaded."},
	{Name: "auth0", Short: "auth0-spa-js", NPM: "@auth0/auth0-spa-js",
		Note: "useRefreshTokens and localStorage. Under its lock it may read an old copy of localStorage. It verifies an ID token that comes with each answer. Its only way in is its login, so the bench calls what its login calls with the answer."},
	{Name: "supabase-lock", Short: "supabase 2.106, lock", NPM: "supabase-auth-js-with-lock",
		Note: "takes a Web Lock for each call, and reads localStorage under it, which may be an old copy."},
	{Name: "supabase", Short: "supabase 2.119", NPM: "@supabase/auth-js",
		Note: "leaves it to the server: with Supabase's, which accepts a spent refresh token for 10 s, these sessions would go on. A strict server revokes them."},
	{Name: "oidc-client-ts", Short: "oidc-client-ts", NPM: "oidc-client-ts",
		Note: "does not coordinate tabs."},
	{Name: "refresh-guard", Short: "refresh-guard", NPM: "refresh-guard",
		Note: "is made for one process: it reads its store once, so that a page neither learns of another tab's token nor of its sign-out until it is reloaded. Its file store needs Node.js; the bench gives it one of localStorage."},
	{Name: "floor", Short: "floor", Title: "the floor", Floor: true},
}

// peers returns those to be measured: for each compiler beyond the first there
// is another onerefresh.
func peers(root string, compilers []string) ([]peer, error) {
	text, err := os.ReadFile(filepath.Join(root, "e2e", "bench", "package.json"))
	if err != nil {
		return nil, err
	}
	var manifest struct{ Dependencies map[string]string }
	if err := json.Unmarshal(text, &manifest); err != nil {
		return nil, err
	}
	var all []peer
	for _, p := range allPeers {
		if p.NPM != "" {
			version, ok := manifest.Dependencies[p.NPM]
			if !ok {
				return nil, fmt.Errorf("package.json lacks %s", p.NPM)
			}
			p.Title = p.NPM + " " + version
			if alias, ok := strings.CutPrefix(version, "npm:"); ok {
				at := strings.LastIndex(alias, "@")
				p.Title = alias[:at] + " " + alias[at+1:] + ", the last with a Web Lock"
			}
		}
		if p.Name != "onerefresh" {
			all = append(all, p)
			continue
		}
		for i, c := range compilers {
			q := p
			if i > 0 {
				q.Name, q.Title, q.Short = c+"/onerefresh", "onerefresh, "+c, "onerefresh, "+c
			}
			if c == "go" {
				q.Note = "with the module of the standard compiler, the reference; npm has TinyGo's."
			}
			all = append(all, q)
		}
	}
	return all, nil
}
