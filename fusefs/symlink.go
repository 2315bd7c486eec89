package fusefs

import (
	"strings"
)

// contained reports whether the target of a symbolic link can only lead inside
// the mount. depth is how many directories lie between the mount's root and
// the link: 0 for a link in the root itself.
//
// An absolute target leads out. A target that goes up does so from the
// directory in which the link lies, so a leading run of ".." is safe as far as
// depth allows. Behind a name, ".." is not: the name may be a link itself,
// which the server can turn elsewhere at any time (CVE-2026-47187). Links on
// the way are each held to the same rule from where they lie.
func contained(target string, depth int) bool {
	if strings.HasPrefix(target, "/") {
		return false
	}
	named := false
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "", ".":
		case "..":
			depth--
			if named || depth < 0 {
				return false
			}
		default:
			named = true
		}
	}
	return true
}

// transformed makes an absolute target at or below root relative to a link
// that lies depth directories below root; others are returned as they are.
func transformed(target, root string, depth int) string {
	rest, ok := strings.CutPrefix(target, root)
	switch {
	case !ok || !strings.HasPrefix(target, "/"):
		return target
	case root != "/" && rest != "" && rest[0] != '/':
		return target // a neighbour whose name starts alike
	}
	rest = strings.TrimLeft(rest, "/")
	up := strings.Repeat("../", depth)
	if up+rest == "" {
		return "."
	}
	return up + rest
}
