package cache

import "strings"

// split returns the directory of a clean absolute path and the name in it. The
// root is in no directory.
func split(path string) (dir, name string) {
	i := strings.LastIndexByte(path, '/')
	switch {
	case i < 0 || path == "/":
		return "", path
	case i == 0:
		return "/", path[1:]
	}
	return path[:i], path[i+1:]
}

// join returns the path of name in a directory.
func join(dir, name string) string {
	return strings.TrimSuffix(dir, "/") + "/" + name
}

// below reports whether path is in the tree at top, top itself not included.
func below(top, path string) bool {
	return len(path) > len(top) && path[len(top)] == '/' && path[:len(top)] == top
}

// isHidden reports whether ls(1) leaves out the file at path.
func isHidden(path string) bool {
	_, name := split(path)
	return strings.HasPrefix(name, ".")
}
