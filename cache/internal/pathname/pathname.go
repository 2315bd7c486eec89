// Package pathname takes clean paths apart, as the server has them: they start with "/",
// or with "./" where the server starts.
package pathname

import (
	"iter"
	"strings"
)

// Split returns the directory of a path and the name in it. The root is in no
// directory.
func Split(path string) (dir, name string) {
	i := strings.LastIndexByte(path, '/')
	switch {
	case i < 0 || path == "/":
		return "", path
	case i == 0:
		return "/", path[1:]
	}
	return path[:i], path[i+1:]
}

// Above yields the directories that path is in, from its own one up to the root.
func Above(path string) iter.Seq[string] {
	return func(yield func(dir string) bool) {
		for dir, _ := Split(path); dir != "" && yield(dir); {
			dir, _ = Split(dir)
		}
	}
}

// Join returns the path of name in a directory.
func Join(dir, name string) string {
	return strings.TrimSuffix(dir, "/") + "/" + name
}

// Below reports whether path is in the tree at top, top itself not included.
func Below(top, path string) bool {
	return len(path) > len(top) && path[len(top)] == '/' && path[:len(top)] == top
}

// IsHidden reports whether ls(1) leaves out the file at path.
func IsHidden(path string) bool {
	_, name := Split(path)
	return strings.HasPrefix(name, ".")
}
