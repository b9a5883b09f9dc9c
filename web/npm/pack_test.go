//go:build !(js && wasm)

package npm_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// pack returns the path of the tarball that npm would publish.
var pack = sync.OnceValues(func() (path string, err error) {
	stage := filepath.Dir(dist)
	for _, name := range []string{"package.json", "README.md", "LICENSE"} {
		content, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(stage, name), content, 0o644); err != nil {
			return "", err
		}
	}
	npm := exec.Command("npm", "pack", "--silent", "--ignore-scripts")
	npm.Dir = stage
	npm.Stderr = os.Stderr
	name, err := npm.Output()
	if err != nil {
		return "", fmt.Errorf("npm pack: %w", err)
	}
	return filepath.Join(stage, strings.TrimSpace(string(name))), nil
})

// unpack returns what is in the tarball.
var unpack = sync.OnceValues(func() (map[string][]byte, error) {
	path, err := pack()
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for reader := tar.NewReader(unzipped); ; {
		header, err := reader.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if header.Mode&0o777 != 0o644 {
			return nil, fmt.Errorf("%s has mode %o", header.Name, header.Mode)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			return nil, err
		}
		files[strings.TrimPrefix(header.Name, "package/")] = content
	}
})

func packed(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := unpack()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// install puts the package where a program in folder finds it, as npm does with
// one that depends on nothing.
func install(folder string) error {
	files, err := unpack()
	if err != nil {
		return err
	}
	target := filepath.Join(folder, "node_modules", "onerefresh")
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(target, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// command runs a program in folder, and reports what it says if it fails.
func command(t *testing.T, folder, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "NEXT_TELEMETRY_DISABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
}

// tool returns the path of a program that npm has installed in folder.
func tool(t *testing.T, folder, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(folder, "node_modules", ".bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("run make npm-test, which installs what is missing: %v", err)
	}
	return path
}

// The tarball has what a page and a compiler need, and nothing else.
func TestPackedFiles(t *testing.T) {
	t.Parallel()
	files := packed(t)
	var names []string
	for name, content := range files {
		names = append(names, name)
		if len(content) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
	slices.Sort(names)
	want := []string{
		"LICENSE", "README.md",
		"dist/LICENSES.txt", "dist/formats.d.ts", "dist/formats.js", "dist/index.d.ts", "dist/index.js",
		"dist/onerefresh-formats.d.ts", "dist/onerefresh-formats.js", "dist/onerefresh.d.ts", "dist/onerefresh.js", "dist/onerefresh.wasm",
		"package.json",
	}
	if !slices.Equal(names, want) {
		t.Errorf("the tarball has %q\nwant %q", names, want)
	}

	var manifest struct {
		Exports                                                                        map[string]any
		Main, Types, Unpkg, JSDelivr                                                   string
		SideEffects                                                                    []string
		Dependencies, PeerDependencies, OptionalDependencies, DevDependencies, Scripts any
	}
	if err := json.Unmarshal(files["package.json"], &manifest); err != nil {
		t.Fatal(err)
	}
	var check func(v any)
	check = func(v any) {
		switch v := v.(type) {
		case string:
			if name, ok := strings.CutPrefix(v, "./"); !ok || files[name] == nil {
				t.Errorf("package.json names %s, which is not there", v)
			}
		case map[string]any:
			for _, v := range v {
				check(v)
			}
		}
	}
	for _, v := range manifest.Exports {
		check(v)
	}
	for _, name := range append(manifest.SideEffects, manifest.Main, manifest.Types, manifest.Unpkg, manifest.JSDelivr) {
		check(name)
	}
	for _, none := range []any{manifest.Dependencies, manifest.PeerDependencies, manifest.OptionalDependencies, manifest.DevDependencies, manifest.Scripts} {
		if none != nil {
			t.Errorf("package.json has dependencies or scripts: %v", none)
		}
	}
}

func TestLicences(t *testing.T) {
	t.Parallel()
	files := packed(t)
	own, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(files["LICENSE"], own) {
		t.Error("the licence is not that of the repository")
	}

	text := string(files["dist/LICENSES.txt"])
	want := []string{"the Go standard library and wasm_exec.js"}
	licenses := []string{filepath.Join(output(t, "go", "env", "GOROOT"), "LICENSE")}
	// The module of the standard compiler says by itself what was linked into it.
	// See https://pkg.go.dev/runtime/debug#BuildInfo.
	info := regexp.MustCompile(`path\tgithub\.com/onerefresh/onerefresh/wasm\n(.*\n)+?build\t`).Find(files["dist/onerefresh.wasm"])
	if (info != nil) != (compiler == "go") {
		t.Fatalf("the module of compiler %s says of itself %q", compiler, info)
	}
	for _, linked := range regexp.MustCompile(`(?m)^dep\t(\S+)\t(\S+)`).FindAllSubmatch(info, -1) {
		want = append(want, fmt.Sprintf("%s %s", linked[1], linked[2]))
		licenses = append(licenses, filepath.Join(output(t, "go", "list", "-m", "-f", "{{.Dir}}", string(linked[1])), "LICENSE"))
	}
	if compiler == "tinygo" {
		want = append(want, "TinyGo: runtime, compiler support and wasm_exec.js", "wasi-libc, and musl in it", "compiler-rt, of LLVM")
		module := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tinygo-org/tinygo")
		module.Dir = "../../tools/tinygo"
		folder, err := module.Output()
		if err != nil {
			t.Fatal(err)
		}
		if len(folder) > 1 { // it is not in the module cache if TinyGo is on PATH
			licenses = append(licenses, filepath.Join(strings.TrimSpace(string(folder)), "LICENSE"))
		}
	}
	var got []string
	for _, part := range regexp.MustCompile(`(?m)^---- (.*) ----$`).FindAllStringSubmatch(text, -1) {
		got = append(got, part[1])
	}
	if !slices.Equal(got, want) {
		t.Errorf("LICENSES.txt is about %q, linked are %q", got, want)
	}
	for _, path := range licenses {
		license, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, strings.TrimSpace(string(license))) {
			t.Errorf("LICENSES.txt lacks %s", path)
		}
	}
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// What programs that look for mistakes in packages make of it. The package is
// an ES module alone, hence the profile. The WebAssembly is a file to be served,
// and no module of a program: what its URL is imported by differs between
// bundlers, so that it has no types.
func TestPackageIsFoundFaultless(t *testing.T) {
	t.Parallel()
	tarball, err := pack()
	if err != nil {
		t.Fatal(err)
	}
	command(t, "lint", tool(t, "lint", "publint"), "run", tarball, "--strict")
	command(t, "lint", tool(t, "lint", "attw"), tarball, "--profile", "esm-only", "--exclude-entrypoints", "onerefresh.wasm")
}

// The uses in testdata compile, and the misuses do not: by the newest compiler,
// and by one of two years ago that comes with attw.
func TestTypes(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := install(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(folder, os.DirFS("testdata/types")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "package.json"), []byte(`{"type": "module"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	old, err := filepath.Abs("lint/node_modules/@arethetypeswrong/core/node_modules/.bin/tsc")
	if err != nil {
		t.Fatal(err)
	}
	for _, tsc := range []string{tool(t, "lint", "tsc"), old} {
		command(t, folder, tsc, "-p", ".")
		command(t, folder, tsc, "-p", ".", "--module", "nodenext", "--moduleResolution", "nodenext")
	}
}

// Every export says where its terms come from.
func TestEveryExportIsDocumented(t *testing.T) {
	t.Parallel()
	export := regexp.MustCompile(`(?:/\*\*((?:[^*]|\*[^/])*)\*/\s*)?\n(?:export|  var) (?:declare )?(?:interface|type|function|class|const|)? ?(\w+)`)
	for name, least := range map[string]int{"index.d.ts": 12, "onerefresh.d.ts": 1, "formats.d.ts": 1, "onerefresh-formats.d.ts": 1} {
		text, err := os.ReadFile(filepath.Join("src", name))
		if err != nil {
			t.Fatal(err)
		}
		found := export.FindAllSubmatch(text, -1)
		if len(found) < least {
			t.Errorf("%s: only %d exports found", name, len(found))
		}
		for _, e := range found {
			if !bytes.Contains(e[1], []byte("https://www.rfc-editor.org/rfc/rfc")) {
				t.Errorf("%s: %s names no RFC", name, e[2])
			}
		}
	}
}
