package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestTablesAreNotWritten holds the linter's exclusion for package variables
// named ...Table to its word: they are written once, where they are declared.
func TestTablesAreNotWritten(t *testing.T) {
	for _, files := range goFiles(t) {
		fset := token.NewFileSet()
		var parsed []*ast.File
		tables := make(map[string]bool)
		for _, file := range files {
			src, err := parser.ParseFile(fset, filepath.Join(root, file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, src)
			addTables(tables, src)
		}
		for _, src := range parsed {
			checkTables(t, fset, src, tables)
		}
	}
}

// addTables adds the tables that the file declares.
func addTables(tables map[string]bool, src *ast.File) {
	for _, decl := range src.Decls {
		vars, ok := decl.(*ast.GenDecl)
		if !ok || vars.Tok != token.VAR {
			continue
		}
		for _, spec := range vars.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				if strings.HasSuffix(strings.ToLower(name.Name), "table") {
					tables[name.Name] = true
				}
			}
		}
	}
}

func checkTables(t *testing.T, fset *token.FileSet, src *ast.File, tables map[string]bool) {
	t.Helper()
	ast.Inspect(src, func(n ast.Node) bool {
		for _, e := range written(n) {
			if name := baseName(e); tables[name] {
				t.Errorf("%s: %s is written to", fset.Position(n.Pos()), name)
			}
		}

		return true
	})
}

// written returns the expressions that the node changes, or whose address
// would let others change them.
func written(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.UnaryExpr:
		// &table[i] is the cheap way to read a row.
		if _, element := n.X.(*ast.IndexExpr); n.Op == token.AND && !element {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && (f.Name == "delete" || f.Name == "clear" || f.Name == "copy") {
			return n.Args[:1]
		}
	}

	return nil
}

// baseName returns the variable behind indices, fields and parentheses.
func baseName(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x.Name
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return ""
		}
	}
}
