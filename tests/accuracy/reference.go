// In: paths of Go files, one a line. Out: a line of JSON each, by go/parser.
package main

import (
	"bufio"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
)

type answer struct {
	Path  string   `json:"path"`
	Found [][3]any `json:"found"`
	Error string   `json:"error,omitempty"`
}

func read(path string) answer {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return answer{Path: path, Error: err.Error()}
	}
	found := [][3]any{}
	add := func(what string, name string, at token.Pos) {
		found = append(found, [3]any{what, name, files.PositionFor(at, false).Line})
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncDecl:
			add("function", node.Name.Name, node.Type.Pos())
		case *ast.TypeSpec:
			add("class", node.Name.Name, node.Pos())
		case *ast.InterfaceType:
			for _, field := range node.Methods.List {
				for _, name := range field.Names {
					add("function", name.Name, name.Pos())
				}
			}
		}
		return true
	})
	return answer{Path: path, Found: found}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		if err := out.Encode(read(lines.Text())); err != nil {
			panic(err)
		}
	}
}
