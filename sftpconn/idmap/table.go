package idmap

import "context"

// A Table translates by a list of pairs.
type Table struct {
	local, remote map[uint32]uint32
	strict        bool
}

// NewTable returns a Table of the pairs that remote has, from numbers here to
// numbers on the server. Others stay as they are or, if strict, have no
// counterpart.
func NewTable(remote map[uint32]uint32, strict bool) *Table {
	t := &Table{local: make(map[uint32]uint32, len(remote)), remote: remote, strict: strict}
	for here, there := range remote {
		t.local[there] = here
	}
	return t
}

// Local implements [IDs].
func (t *Table) Local(_ context.Context, _ Server, remote []uint32) (map[uint32]uint32, error) {
	found := make(map[uint32]uint32, len(remote))
	for _, id := range remote {
		if here, ok := t.local[id]; ok {
			found[id] = here
		} else if !t.strict {
			found[id] = id
		}
	}
	return found, nil
}

// Remote implements [IDs].
func (t *Table) Remote(_ context.Context, _ Server, local uint32) (uint32, bool, error) {
	if there, ok := t.remote[local]; ok {
		return there, true, nil
	}
	return local, !t.strict, nil
}
