package cache

import (
	"context"
	"fmt"
	"syscall"

	"sftpmount/cache/internal/known"
	"sftpmount/sftpconn"
)

// known returns what is known of path, as lookup (or Names.Stat) tells it, and
// what is needed to ask if it is unknown.
func (f *FS) known(path string, lookup func(*known.Names, string) (sftpconn.Attr, known.Verdict)) (sftpconn.Attr, known.Verdict, question) {
	f.mu.Lock()
	defer f.mu.Unlock()
	attr, v := lookup(f.names, path)
	q := f.question(path)
	f.fetch(f.walks.LooksUp(path, v == known.Present))
	return attr, v, q
}

// question is a request about a path that is to be asked.
type question struct {
	asked   known.Asked
	key     flightKey
	content *content // at the path, or nil
}

// question returns what is needed to ask about path. f.mu is held.
func (f *FS) question(path string) question {
	return question{f.names.Asking(), flightKey{path, f.names.Gens.Since(path)}, f.opens.at(path)}
}

// Lstat implements [sftpconn.FS].
func (f *FS) Lstat(ctx context.Context, path string) (sftpconn.Attr, error) {
	return f.look(ctx, path, attrRequest{(*known.Names).Lookup, sftpconn.FS.Lstat, (*known.Names).LearnAttr}, f.questions.lstat)
}

// Stat implements [sftpconn.FS].
func (f *FS) Stat(ctx context.Context, path string) (sftpconn.Attr, error) {
	return f.look(ctx, path, attrRequest{(*known.Names).Stat, sftpconn.FS.Stat, (*known.Names).LearnStat}, f.questions.stat)
}

// attrRequest is one of the two ways to ask for attributes: for those of a path itself,
// or of what it leads to.
type attrRequest struct {
	known func(*known.Names, string) (sftpconn.Attr, known.Verdict)
	ask   func(sftpconn.FS, context.Context, string) (sftpconn.Attr, error)
	learn func(n *known.Names, path string, q known.Asked, attr sftpconn.Attr, err error)
}

func (f *FS) look(ctx context.Context, path string, r attrRequest, questions *flights[sftpconn.Attr]) (sftpconn.Attr, error) {
	attr, v, q := f.known(path, r.known)
	f.questions.attributes.add(v != known.Unknown)
	if v != known.Unknown {
		return attr, verdictError(v, path)
	}
	if attr, ok := q.content.foreseen(); ok {
		return attr, nil
	}
	return q.content.overlaid(ctx, func() (sftpconn.Attr, error) {
		return questions.do(ctx, q.key, func(ctx context.Context) (sftpconn.Attr, error) {
			attr, err := r.ask(f.under, ctx, path)
			f.mu.Lock()
			defer f.mu.Unlock()
			r.learn(f.names, path, q.asked, attr, err)
			return attr, err
		})
	})
}

func verdictError(v known.Verdict, path string) error {
	if v == known.Absent {
		return fmt.Errorf("%w: %q", syscall.ENOENT, path)
	}
	return nil
}

// SetAttr implements [sftpconn.FS]. If data of the file is under way, it goes
// the same way behind it. While the file is open for writing here, it does not
// wait where the outcome is sure.
func (f *FS) SetAttr(ctx context.Context, path string, set sftpconn.SetAttr) (sftpconn.Attr, error) {
	async, err := f.canQueue(ctx)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	_, _, q := f.known(path, (*known.Names).Lookup)
	if c := q.content; c != nil {
		if attr, ok := c.changeEarly(set); ok {
			return attr, nil
		}
	}
	if async {
		if attr, ok := f.setAttrBehind(ctx, path, set); ok {
			return attr, nil
		}
	}
	end, err := f.turn(ctx, "change of attributes", path)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	defer end()
	_, _, q = f.known(path, (*known.Names).Lookup)
	if c := q.content; c != nil {
		if o := c.changeBehind(set); o != nil {
			return c.outcome(ctx, o)
		}
		if err := c.settled(ctx); err != nil {
			return sftpconn.Attr{}, err
		}
	}
	before := q.content.view()
	attr, err := f.direct.SetAttr(ctx, path, set)
	if q.content != nil {
		q.content.changedByPath(set, before, attr, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err != nil:
		f.names.UnsureAttr(path)
	case set.NoFollow:
		f.names.Changed(path, q.asked, attr)
	default:
		f.names.Followed(path, q.asked, attr)
	}
	return attr, err
}

// Readlink implements [sftpconn.FS].
func (f *FS) Readlink(ctx context.Context, path string) (string, error) {
	f.readsLink(path)
	return f.readlink(ctx, path)
}

// readsLink takes in that a program reads the symbolic link at path.
func (f *FS) readsLink(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fetch(f.walks.ReadsLink(path))
}

func (f *FS) readlink(ctx context.Context, path string) (string, error) {
	f.mu.Lock()
	target, ok := f.names.Readlink(path)
	q := f.question(path)
	f.mu.Unlock()
	f.questions.links.add(ok)
	if ok {
		return target, nil
	}
	return f.questions.readlink.do(ctx, q.key, func(ctx context.Context) (string, error) {
		target, err := f.under.Readlink(ctx, path)
		if err == nil {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.names.LearnLink(path, q.asked, target)
		}
		return target, err
	})
}

// StatVFS implements [sftpconn.FS].
func (f *FS) StatVFS(ctx context.Context, path string) (sftpconn.StatVFS, error) {
	return f.under.StatVFS(ctx, path)
}

// RealPath implements [sftpconn.FS].
func (f *FS) RealPath(ctx context.Context, path string) (string, error) {
	return f.under.RealPath(ctx, path)
}
