package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/exp/apidiff"
	"golang.org/x/tools/go/packages"
	"golang.org/x/tools/txtar"
)

const module = "github.com/onerefresh/onerefresh"

// others are the folders of packages that nobody outside imports.
var others = []string{"cmd", "e2e", "internal", "wasm", "web"}

// promised reports whether what a package exports is for others to use.
func promised(dir string) bool {
	first, _, _ := strings.Cut(dir, "/")
	return !slices.Contains(others, first)
}

// A surface is what packages declare: their source without function bodies and
// comments, and with the types that they import from elsewhere.
type surface struct {
	text    *txtar.Archive // the files, named from the root of the module
	imports map[string]*types.Package
}

// read returns the surface of the promised packages of the module, and of those
// of its packages that they import.
func read(goos, goarch string) (surface, error) {
	config := &packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedDeps,
		Dir:  root,
		Env:  append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0"),
	}
	loaded, err := load(config, "./...")
	if err != nil {
		return surface{}, err
	}
	s := surface{new(txtar.Archive), make(map[string]*types.Package)}
	var outside []string
	read := make(map[string]bool)
	var visit func(p *packages.Package) error
	visit = func(p *packages.Package) error {
		if read[p.PkgPath] {
			return nil
		}
		read[p.PkgPath] = true
		dir, ok := within(p.PkgPath)
		if !ok {
			outside = append(outside, p.PkgPath)
			return nil
		}
		for _, file := range p.GoFiles {
			source, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if source, err = strip(source); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			name := file[strings.LastIndexAny(file, `/\`)+1:]
			s.text.Files = append(s.text.Files, txtar.File{Name: path.Join(dir, name), Data: source})
		}
		for _, imported := range p.Imports {
			if err := visit(imported); err != nil {
				return err
			}
		}
		return nil
	}
	for _, p := range loaded {
		if dir, _ := within(p.PkgPath); promised(dir) && p.Name != "main" && len(p.GoFiles) > 0 {
			if err := visit(p); err != nil {
				return surface{}, err
			}
		}
	}
	slices.SortFunc(s.text.Files, func(a, b txtar.File) int { return strings.Compare(a.Name, b.Name) })

	config.Mode = packages.NeedName | packages.NeedTypes
	loaded, err = load(config, outside...)
	for _, p := range loaded {
		s.imports[p.PkgPath] = p.Types
	}
	return s, err
}

func load(config *packages.Config, patterns ...string) ([]*packages.Package, error) {
	loaded, err := packages.Load(config, patterns...)
	for _, p := range loaded {
		for _, e := range p.Errors {
			err = errors.Join(err, e)
		}
	}
	return loaded, err
}

// within returns the folder of a package of the module.
func within(path string) (dir string, ok bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

// strip returns the declarations of a source file.
func strip(source []byte) ([]byte, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	file.Decls = slices.DeleteFunc(file.Decls, func(d ast.Decl) bool {
		f, ok := d.(*ast.FuncDecl)
		return ok && f.Recv == nil && (f.Name.Name == "init" || f.Name.Name == "_")
	})
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			n.Body = &ast.BlockStmt{}
		case *ast.FuncLit:
			n.Body = &ast.BlockStmt{}
		}
		return true
	})
	var text bytes.Buffer
	err = format.Node(&text, fset, file)
	text.WriteByte('\n')
	return text.Bytes(), err
}

// check returns the types of the promised packages by folder.
func (s surface) check() (map[string]*types.Package, error) {
	fset := token.NewFileSet()
	files := make(map[string][]*ast.File)
	for _, f := range s.text.Files {
		file, err := parser.ParseFile(fset, f.Name, f.Data, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files[path.Dir(f.Name)] = append(files[path.Dir(f.Name)], file)
	}
	checked := make(map[string]*types.Package)
	var imports importerFunc
	check := func(dir string) (*types.Package, error) {
		if p := checked[dir]; p != nil {
			return p, nil
		}
		config := types.Config{IgnoreFuncBodies: true, Importer: imports}
		p, err := config.Check(path.Join(module, dir), fset, files[dir], nil)
		checked[dir] = p
		return p, err
	}
	imports = func(path string) (*types.Package, error) {
		if dir, ok := within(path); ok && files[dir] != nil {
			return check(dir)
		}
		if p := s.imports[path]; p != nil {
			return p, nil
		}
		return nil, errors.New("not imported by the packages of today")
	}
	result := make(map[string]*types.Package)
	for dir := range files {
		p, err := check(dir)
		if err != nil {
			return nil, err
		}
		if promised(dir) {
			result[dir] = p
		}
	}
	return result, nil
}

type importerFunc func(path string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }

// broken returns the changes between two surfaces that may break programs.
// See https://pkg.go.dev/golang.org/x/exp/apidiff.
func broken(old, now surface) ([]string, error) {
	before, err := old.check()
	if err != nil {
		return nil, err
	}
	after, err := now.check()
	if err != nil {
		return nil, err
	}
	var all []string
	for dir, p := range before {
		if after[dir] == nil {
			all = append(all, dir+": package removed")
			continue
		}
		for _, c := range apidiff.Changes(p, after[dir]).Changes {
			if !c.Compatible {
				all = append(all, dir+": "+c.Message)
			}
		}
	}
	slices.Sort(all)
	return all, nil
}
