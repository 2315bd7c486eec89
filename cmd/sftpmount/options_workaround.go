package main

import (
	"fmt"
	"slices"
	"strings"
)

// workaroundOptions are the faults of servers to allow for, named as in sshfs.
type workaroundOptions struct {
	renameXDEV bool // a rename that failed for no known reason crossed file systems
	truncate   bool // SETSTAT cannot change a size
	fstat      bool // FSTAT does not work
	createMode bool // OPEN fails if it carries permissions
}

// idleWorkarounds are for what is always done here, or is no fault of any server
// in use.
var idleWorkarounds = strings.Fields("rename buflimit nodelay nodelaysrv")

func (o *workaroundOptions) rows() []option {
	return []option{{"workaround", "LIST", "faults of the server: renamexdev:truncate:fstat:createmode, none", o.apply}}
}

// apply takes a list such as "rename:nofstat". Later ones override earlier ones.
func (o *workaroundOptions) apply(list string) error {
	places := map[string]*bool{
		"renamexdev": &o.renameXDEV,
		"truncate":   &o.truncate,
		"fstat":      &o.fstat,
		"createmode": &o.createMode,
	}
	for name := range strings.SplitSeq(list, ":") {
		positive, negated := strings.CutPrefix(name, "no")
		switch {
		case name == "none":
			*o = workaroundOptions{}
		case places[name] != nil:
			*places[name] = true
		case negated && places[positive] != nil:
			*places[positive] = false
		case slices.Contains(idleWorkarounds, name), negated && slices.Contains(idleWorkarounds, positive):
		default:
			return unknownWorkaround(name, places)
		}
	}
	return nil
}

func unknownWorkaround(name string, places map[string]*bool) error {
	known := slices.Clone(idleWorkarounds)
	for place := range places {
		known = append(known, place)
	}
	slices.Sort(known)
	if near := nearest(name, known); near != "" {
		return fmt.Errorf("unknown workaround %q: did you mean %q?", name, near)
	}
	return fmt.Errorf("unknown workaround %q; known are %s", name, strings.Join(known, ", "))
}
