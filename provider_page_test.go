//go:build !(js && wasm)

package onerefresh

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/providers.md anew")

const (
	pagePath  = "docs/providers.md"
	pageBegin = "<!-- What follows is made from provider.go: go test -run TestProvidersPage . -update -->\n"
)

// The page and the table are equal.
func TestProvidersPage(t *testing.T) {
	page, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(page), pageBegin)
	if !ok {
		t.Fatalf("%s lacks the line %s", pagePath, pageBegin)
	}
	want := head + pageBegin + pageTables(t)
	if *update {
		if err := os.WriteFile(pagePath, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(page) != want {
		t.Errorf("%s is not what provider.go says: go test -run TestProvidersPage . -update", pagePath)
	}
}

func pageTables(t *testing.T) string {
	var out strings.Builder
	out.WriteString(`
| provider | ends the session, beside ` + "`invalid_grant`" + ` | grace period | an answer may lack refresh_token | an answer without expires_in | a reused refresh token ends |
|---|---|---|---|---|---|
`)
	for _, p := range profiles {
		ended := code(p.ended)
		if p.undecided != "" {
			ended += "; not " + code(p.undecided)
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s | %s | %s |\n", p.name, ended,
			map[bool]string{true: map[grace]string{graceUnknown: "unknown", graceNone: "none", graceNeeded: "not needed"}[min(p.grace, 0)], false: fmt.Sprintf("%d s", p.grace)}[p.grace <= 0],
			map[omits]string{omitsUnknown: "unknown", omitsNever: "no", omitsSome: "yes"}[p.omits],
			map[bool]string{true: "is broken", false: "is good for " + strings.TrimSuffix(p.lifetime.String(), "0s")}[p.lifetime == 0],
			map[reuse]string{reuseUnknown: "unknown", reuseFamily: "the whole sign-in", reuseRefused: "nothing; it is refused", reuseNone: "nothing; it still works"}[p.reuse])
	}
	out.WriteString("\n## Notes and sources\n\n")
	comments := entryComments(t)
	for i, p := range profiles {
		note, sources, ok := strings.Cut(comments[i], "[")
		if !ok || !strings.Contains(sources, "](https://") {
			t.Errorf("%s has no source", p.name)
		}
		fmt.Fprintf(&out, "- `%s`: %s\n  [%s\n", p.name, strings.TrimSpace(strings.ReplaceAll(note, "\n", "\n  ")), strings.ReplaceAll(strings.TrimSpace(sources), "\n", "\n  "))
	}
	return out.String()
}

func code(codes string) string {
	if codes == "" {
		return "–"
	}
	return "`" + strings.ReplaceAll(codes, " ", "`, `") + "`"
}

// entryComments returns the comment before each entry of profiles.
func entryComments(t *testing.T) (comments []string) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "provider.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "profiles" {
			return true
		}
		for _, entry := range spec.Values[0].(*ast.CompositeLit).Elts {
			text := ""
			for _, c := range file.Comments {
				if set.Position(c.End()).Line == set.Position(entry.Pos()).Line-1 {
					text = c.Text()
				}
			}
			comments = append(comments, text)
		}
		return false
	})
	if len(comments) != len(profiles) {
		t.Fatalf("%d entries, %d in the source", len(profiles), len(comments))
	}
	return comments
}
