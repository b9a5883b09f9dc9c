//go:build !(js && wasm)

package examples

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A block of code on a page.
type block struct {
	page string
	line int
	lang string
	text []string
}

// blocks returns the fenced blocks of a page.
// See https://spec.commonmark.org/0.31.2/#fenced-code-blocks.
func blocks(page, text string) (all []block) {
	var open *block
	var fence string
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case open != nil && line == fence:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text = append(open.text, line)
		case strings.HasPrefix(line, "```"), strings.HasPrefix(line, "~~~"):
			info := strings.TrimLeft(line, line[:1])
			fence = line[:len(line)-len(info)]
			lang, _, _ := strings.Cut(strings.TrimSpace(info), " ")
			open = &block{page, i + 1, strings.ToLower(lang), nil}
		}
	}
	return all
}

// excerpt reports whether a file has the lines of a block, but for indentation,
// in their order. Lines between them are left out only where the block has a
// line "…".
func excerpt(block, file []string) bool {
	for len(block) > 0 {
		n := slices.Index(block, "…")
		if n < 0 {
			n = len(block)
		}
		piece := block[:n]
		block = block[min(n+1, len(block)):]
		at := find(piece, file)
		if at < 0 {
			return false
		}
		file = file[at+len(piece):]
	}
	return true
}

// find returns where a file has the lines of piece, or -1.
func find(piece, file []string) int {
	for at := range len(file) - len(piece) + 1 {
		if slices.Equal(piece, file[at:at+len(piece)]) {
			return at
		}
	}
	return -1
}

// kinds are the languages whose blocks must be excerpts, with the files that may
// have them. All those files are compiled, or run in a page, by some test.
var kinds = map[string][]string{
	"go": {".go"},
	"js": {".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".html", ".vue"},
}

var aliases = map[string]string{
	"go": "go", "golang": "go",
	"js": "js", "javascript": "js", "jsx": "js", "mjs": "js", "cjs": "js", "ts": "js", "typescript": "js", "tsx": "js", "html": "js", "vue": "js",
}

// What is printed is what is run.
func TestCodeInTheDocumentationIsExcerpts(t *testing.T) {
	t.Parallel()
	files := make(map[string]map[string][]string) // lines by kind and path
	for kind := range kinds {
		files[kind] = make(map[string][]string)
	}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); name == "node_modules" || name == "dist" || name == "bin" || name != ".." && strings.HasPrefix(name, ".") {
				return fs.SkipDir
			}
			return nil
		}
		for kind, suffixes := range kinds {
			if slices.Contains(suffixes, filepath.Ext(path)) {
				files[kind][path] = read(t, path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, page := range append(pages, "../README.md", "../web/npm/README.md") {
		for _, b := range blocks(page, strings.Join(read(t, page), "\n")) {
			kind := aliases[b.lang]
			if b.lang == "" {
				t.Errorf("%s:%d: a block without a language", b.page, b.line)
			}
			if kind == "" {
				continue
			}
			checked++
			found := false
			for _, file := range files[kind] {
				found = found || excerpt(b.text, file)
			}
			if !found {
				t.Errorf("%s:%d: no file has these lines:\n%s", b.page, b.line, strings.Join(b.text, "\n"))
			}
		}
	}
	if checked == 0 {
		t.Error("no code was found in the documentation")
	}
}

// docs/recipes.md names the tests that there are.
func TestRecipesAreRunByTheTestsThatTheDocumentationNames(t *testing.T) {
	t.Parallel()
	sources, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests []string
	for _, source := range sources {
		for _, line := range read(t, source) {
			if name, ok := strings.CutPrefix(line, "func Test"); ok {
				name, _, _ = strings.Cut(name, "(")
				tests = append(tests, "Test"+name)
			}
		}
	}
	page := strings.Join(read(t, "../docs/recipes.md"), "\n")
	for _, name := range regexp.MustCompile(`Test\w+`).FindAllString(page, -1) {
		if !slices.Contains(tests, name) {
			t.Errorf("there is no %s", name)
		}
	}
	recipes, err := filepath.Glob("*.ts*")
	if err != nil {
		t.Fatal(err)
	}
	for _, recipe := range recipes {
		if recipe != "env.d.ts" && recipe != "tsconfig.json" && !strings.Contains(page, "(../examples/"+recipe+")") {
			t.Errorf("docs/recipes.md does not name %s", recipe)
		}
	}
}

// read returns the lines of a file, without their indentation.
func read(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return lines
}

func TestExcerpt(t *testing.T) {
	file := []string{"a", "b", "c", "d", "a"}
	for _, tc := range []struct {
		block string
		want  bool
	}{
		{"a b c", true},
		{"d a", true},
		{"a … c d", true},
		{"b … b", false},
		{"d … c", false},
		{"a c", false},
		{"a b c x", false},
		{"… a", true},
		{"a b c d a a", false},
	} {
		if got := excerpt(strings.Fields(tc.block), file); got != tc.want {
			t.Errorf("%q: got %v", tc.block, got)
		}
	}
}

func TestBlocks(t *testing.T) {
	got := blocks("p", "text\n```js\na\n  b\n```\n- item\n  ```` Go title\n  ```\n  ````\n")
	want := []block{{"p", 2, "js", []string{"a", "b"}}, {"p", 7, "go", []string{"```"}}}
	if !slices.EqualFunc(got, want, func(a, b block) bool {
		return a.line == b.line && a.lang == b.lang && slices.Equal(a.text, b.text)
	}) {
		t.Errorf("got %v, want %v", got, want)
	}
}
