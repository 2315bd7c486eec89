package cache

import (
	"context"

	"sftpmount/cache/internal/blocks"
	"sftpmount/cache/internal/known"
	"sftpmount/sftpconn"
)

// Open implements [sftpconn.FS]. A file that is to be read only may have been
// opened ahead.
func (f *FS) Open(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
	async, err := f.canQueue(ctx)
	if err == nil {
		err = f.errands.TakeFailure(path)
	}
	if err != nil {
		return nil, sftpconn.Attr{}, err
	}
	if async {
		if file, attr := f.openBehind(ctx, path, flags, mode); file != nil {
			return file, attr, nil
		}
	}
	if flags == sftpconn.Read {
		if e := f.openedEarly(ctx, path); e != nil {
			return e.File, e.Attr, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, sftpconn.Attr{}, err
		}
	}
	file, attr, err := f.open(ctx, path, flags, mode)
	if err != nil {
		return nil, attr, err
	}
	return file, attr, nil
}

// maxOpens is how often a file is opened whose name is moved each time.
const maxOpens = 4

// open opens a file. If its name was moved meanwhile, nobody knows which file was
// opened, and what is written to it would not be seen by its name: it is opened
// anew, unless that could change it again.
func (f *FS) open(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (*File, sftpconn.Attr, error) {
	for tries := 1; ; tries++ {
		file, attr, err := f.openOnce(ctx, path, flags, mode)
		if err != nil || flags&changing != 0 || tries == maxOpens || file.content.isNamed() {
			return file, attr, err
		}
		_ = file.Close(ctx)
	}
}

func (f *FS) openOnce(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (*File, sftpconn.Attr, error) {
	open := f.under.Open
	if flags&changing != 0 {
		end, err := f.turn(ctx, "open", path)
		if err != nil {
			return nil, sftpconn.Attr{}, err
		}
		defer end()
		open = f.direct.Open
	}
	o := f.beginOpen(path)
	prompt := flags == sftpconn.Read && f.readsPromptly(ctx, o.size)
	if flags == sftpconn.Read && (prompt || o.size > blocks.SmallFile) {
		ctx = sftpconn.Sized(ctx, o.size)
	}
	if o.content != nil {
		defer o.content.leave()
		if flags&sftpconn.Truncate != 0 {
			// What was written before must not arrive after.
			if err := o.content.settled(ctx); err != nil {
				return nil, sftpconn.Attr{}, err
			}
		}
		o.before = o.content.view()
	}
	under, attr, err := open(ctx, path, flags, mode)
	if err != nil {
		f.openFailed(path, flags)
		return nil, attr, err
	}
	file := f.newFile(under, flags)
	f.mu.Lock()
	prompt = prompt && f.names.Believable(path, o.asked)
	f.enter(ctx, file, o, attr)
	f.mu.Unlock()
	attr = file.content.opened(file, attr, o.before)
	if prompt {
		file.readPromptly(o.before, !sftpconn.IsAhead(ctx))
	}
	return file, attr, nil
}

// readsPromptly reports whether a file of that size is to be read as soon as it is
// opened: boldly, unless it is opened ahead.
func (f *FS) readsPromptly(ctx context.Context, size int64) bool {
	return sftpconn.IsAhead(ctx) || sftpconn.IsUnread(ctx) && !f.opts.NoReadAhead && size > 0 && size <= blocks.Size && f.readBuffer.ahead.CanBeBold(size)
}

func (f *FS) newFile(under sftpconn.File, flags sftpconn.OpenFlags) *File {
	file := &File{under: under, flags: flags, flushed: flags&sftpconn.Write == 0}
	file.ahead.begin(f.background.ctx)
	return file
}

// opening is the state before an open.
type opening struct {
	path    string
	asked   known.Asked
	moved   uint64   // generation of opens.moved
	size    int64    // that it is thought to have
	content *content // at path, or nil: kept meanwhile, since it knows what is under way
	before  view     // of content
}

func (f *FS) beginOpen(path string) *opening {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := &opening{path: path, asked: f.names.Asking(), moved: f.opens.moved.Now, content: f.opens.at(path)}
	if o.content != nil {
		o.content.users++
	}
	if attr, v := f.names.Stat(path); v == known.Present {
		o.size = int64(attr.Size)
	}
	return o
}

const changing = sftpconn.Create | sftpconn.Truncate

func (f *FS) openFailed(path string, flags sftpconn.OpenFlags) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if flags&changing != 0 {
		f.names.Unsure(path)
		return
	}
	f.names.UnsureAttr(path)
}

// enter gives file its content and takes in the attributes that came with the
// open. f.mu is held.
func (f *FS) enter(ctx context.Context, file *File, o *opening, attr sftpconn.Attr) {
	if file.flags&sftpconn.Excl != 0 && f.opens.at(o.path) != nil {
		f.opens.detach(o.path) // the file that was there is another one
		f.names.Undoubt(o.path)
	}
	file.content = f.opens.enter(f, o.path, o.moved)
	if file.content != o.content {
		o.before = view{}
	}
	named := f.opens.at(o.path) == file.content
	switch {
	case !named:
		f.names.Unsure(o.path)
	case file.flags&changing == 0:
		f.names.LearnStat(o.path, o.asked, attr, nil)
	case file.flags&sftpconn.Create == 0:
		f.names.Followed(o.path, o.asked, attr)
	default:
		_, v := f.names.Lookup(o.path)
		isNew := file.flags&sftpconn.Excl != 0 || v == known.Absent && attr.Size == 0
		if isNew && !file.late.made { // whose attributes are a guess
			f.names.LearnNew(ctx, o.path, attr)
		}
		file.content.made = file.content.made || isNew
		f.names.Made(o.path, o.asked, attr)
	}
	if named {
		f.opens.attachAll(file.content, f.names.Links.Others(o.path))
	}
}
