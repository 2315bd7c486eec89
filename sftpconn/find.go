package sftpconn

import "context"

// Finder is a [File] on which a change of attributes can be started that is not
// known yet. Files of a [Conn] are.
type Finder interface {
	File

	// SetAttrFound is SetAttr of what find returns; if that names no attribute,
	// nothing is left to be changed. find may ask the server, also for the
	// file's attributes through current. It is called when all that was started
	// before on the File is answered, and what is started after waits for it.
	// The end of the connection ends what it asks.
	SetAttrFound(find func(ctx context.Context, current func(context.Context) (Attr, error)) (SetAttr, error)) Pending
}

var _ Finder = (*file)(nil)

// SetAttrFound implements [Finder].
func (f *file) SetAttrFound(find func(context.Context, func(context.Context) (Attr, error)) (SetAttr, error)) Pending {
	var set SetAttr
	var err error
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hold(&orderedRequest{
		alone:   true,
		prepare: func(ctx context.Context) { set, err = find(ctx, f.attr) },
		start: func() tracked {
			if err != nil || set.Valid == 0 {
				return settled{err}
			}
			return f.startSetAttr(set)
		},
	})
}

// settled is a Pending with a known outcome.
type settled struct {
	err error
}

// Wait implements [Pending].
func (s settled) Wait(context.Context) error { return s.err }

func (s settled) isDone() bool { return true }

func (s settled) succeeded() bool { return s.err == nil }
