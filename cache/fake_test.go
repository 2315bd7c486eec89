package cache

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sftpmount/cache/internal/pathname"
	"sftpmount/sftpconn"
)

// farServer is an FS in memory at a distance: a request takes half the delay to
// get there, and its answer the other half back. Requests are carried out one
// after the other. It runs on the fake clock of a synctest bubble.
type farServer struct {
	delay time.Duration
	bsd   bool // all folders pass their group on
	queue chan arrival
	ended chan struct{}

	mu       sync.Mutex
	nodes    map[string]*node
	counts   map[string]int
	read     int64             // bytes
	inFlight map[*reply]extent // writes not answered yet
	clash    bool              // two of them overlapped
	fail     func(op, path string) error
	log      []string
}

type node struct {
	attr sftpconn.Attr
	data []byte
}

type arrival struct {
	at time.Time
	do func()
}

type extent struct {
	node     *node
	off, end int64
}

// reply is the answer to a request.
type reply struct {
	done chan struct{}
	err  error
}

func (r *reply) Wait(ctx context.Context) error {
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newFarServer(t *testing.T, delay time.Duration) *farServer {
	s := &farServer{
		delay:    delay,
		queue:    make(chan arrival, 100_000),
		ended:    make(chan struct{}),
		nodes:    map[string]*node{"/": dirNode(), "/d": dirNode()},
		counts:   make(map[string]int),
		inFlight: make(map[*reply]extent),
	}
	go func() {
		for a := range s.queue {
			time.Sleep(time.Until(a.at))
			a.do()
		}
		close(s.ended)
	}()
	t.Cleanup(func() {
		close(s.queue)
		<-s.ended
	})
	return s
}

func dirNode() *node {
	return &node{attr: sftpconn.Attr{Valid: sftpconn.AttrAll, Mode: syscall.S_IFDIR | 0o755, Mtime: uint32(time.Now().Unix())}}
}

func (s *farServer) put(path string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nodes[path] = &node{sftpconn.Attr{Valid: sftpconn.AttrAll, Mode: syscall.S_IFREG | 0o644, Mtime: uint32(time.Now().Unix())}, data}
}

func (s *farServer) data(path string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.nodes[path].data)
}

func (s *farServer) count(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[op]
}

// start sends a request. do is run with s.mu held.
func (s *farServer) start(op, path string, do func() error) *reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.startLocked(op, path, do)
}

func (s *farServer) startLocked(op, path string, do func() error) *reply {
	s.counts[op]++
	s.log = append(s.log, op)
	r := &reply{done: make(chan struct{})}
	s.queue <- arrival{time.Now().Add(s.delay / 2), func() {
		s.mu.Lock()
		var err error
		if s.fail != nil {
			err = s.fail(op, path)
		}
		if err == nil {
			err = do()
		}
		s.mu.Unlock()
		time.AfterFunc(s.delay/2, func() {
			s.mu.Lock()
			delete(s.inFlight, r)
			s.mu.Unlock()
			r.err = err
			close(r.done)
		})
	}}
	return r
}

func (n *node) stat() sftpconn.Attr {
	attr := n.attr
	attr.Size = uint64(len(n.data))
	return attr
}

func (s *farServer) find(path string) (*node, error) {
	if n := s.nodes[path]; n != nil {
		return n, nil
	}
	return nil, &sftpconn.StatusError{Op: "FIND", Path: path, Code: sftpconn.StatusNoSuchFile}
}

// ask sends a request that is answered with a value. If ctx ends first, the
// request may still be carried out.
func ask[T any](ctx context.Context, s *farServer, op, path string, do func() (T, error)) (T, error) {
	var value, none T
	err := s.start(op, path, func() (err error) {
		value, err = do()
		return err
	}).Wait(ctx)
	if err != nil {
		return none, err
	}
	return value, nil
}

func (s *farServer) stat(ctx context.Context, op, path string) (sftpconn.Attr, error) {
	return ask(ctx, s, op, path, func() (sftpconn.Attr, error) {
		n, err := s.find(path)
		if err != nil {
			return sftpconn.Attr{}, err
		}
		return n.stat(), nil
	})
}

func (s *farServer) Lstat(ctx context.Context, path string) (sftpconn.Attr, error) {
	return s.stat(ctx, "LSTAT", path)
}

func (s *farServer) Stat(ctx context.Context, path string) (sftpconn.Attr, error) {
	return s.stat(ctx, "STAT", path)
}

func (n *node) set(set sftpconn.SetAttr) {
	if set.Valid&sftpconn.AttrSize != 0 {
		n.resize(int64(set.Size))
		n.attr.Mtime = uint32(time.Now().Unix())
	}
	if set.Valid&sftpconn.AttrMode != 0 {
		n.attr.Mode = n.attr.Mode&^0o7777 | set.Mode&0o7777
	}
	if set.Valid&sftpconn.AttrTimes != 0 {
		n.attr.Atime, n.attr.Mtime = set.Atime, set.Mtime
	}
}

func (n *node) resize(size int64) {
	if size < int64(len(n.data)) {
		n.data = n.data[:size]
	}
	n.data = append(n.data, make([]byte, size-int64(len(n.data)))...)
}

func (s *farServer) SetAttr(ctx context.Context, path string, set sftpconn.SetAttr) (sftpconn.Attr, error) {
	return ask(ctx, s, "SETSTAT", path, func() (sftpconn.Attr, error) {
		n, err := s.find(path)
		if err != nil {
			return sftpconn.Attr{}, err
		}
		n.set(set)
		return n.stat(), nil
	})
}

func (s *farServer) ReadDir(ctx context.Context, dir string) ([]sftpconn.DirEntry, error) {
	var entries []sftpconn.DirEntry
	err := s.start("READDIR", dir, func() error {
		for p, n := range s.nodes {
			if p != "/" && path.Dir(p) == dir {
				entries = append(entries, sftpconn.DirEntry{Name: path.Base(p), Attr: n.stat()})
			}
		}
		slices.SortFunc(entries, func(a, b sftpconn.DirEntry) int { return strings.Compare(a.Name, b.Name) })
		return nil
	}).Wait(ctx)
	if err != nil {
		return nil, err
	}
	return entries, nil
}

func (s *farServer) Open(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
	f := &farFile{server: s, path: path, flags: flags}
	var attr sftpconn.Attr
	err := s.start("OPEN", path, func() error {
		n, err := s.find(path)
		if flags&sftpconn.Create != 0 && err != nil {
			n = &node{attr: sftpconn.Attr{Valid: sftpconn.AttrAll, Mode: syscall.S_IFREG | mode, Mtime: uint32(time.Now().Unix())}}
			s.nodes[path], err = n, nil
		}
		if err != nil {
			return err
		}
		if flags&sftpconn.Truncate != 0 {
			n.resize(0)
		}
		f.node, attr = n, n.stat()
		return nil
	}).Wait(ctx)
	if err != nil {
		return nil, sftpconn.Attr{}, err
	}
	return f, attr, nil
}

func (s *farServer) Mkdir(ctx context.Context, path string, _ uint32) (sftpconn.Attr, error) {
	return ask(ctx, s, "MKDIR", path, func() (sftpconn.Attr, error) {
		n := dirNode()
		if dir, name := pathname.Split(path); name != "" && s.nodes[dir] != nil && (s.bsd || s.nodes[dir].attr.Mode&syscall.S_ISGID != 0) {
			n.attr.GID = s.nodes[dir].attr.GID
		}
		s.nodes[path] = n
		return n.attr, nil
	})
}

func (s *farServer) Remove(ctx context.Context, path string) error {
	return s.start("REMOVE", path, func() error {
		_, err := s.find(path)
		delete(s.nodes, path)
		return err
	}).Wait(ctx)
}

func (s *farServer) Rmdir(ctx context.Context, path string) error { return s.Remove(ctx, path) }

func (s *farServer) Rename(ctx context.Context, oldPath, newPath string, _ bool) error {
	return s.start("RENAME", oldPath, func() error {
		n, err := s.find(oldPath)
		if err != nil {
			return err
		}
		delete(s.nodes, oldPath)
		s.nodes[newPath] = n
		for p, n := range s.nodes {
			if pathname.Below(oldPath, p) {
				delete(s.nodes, p)
				s.nodes[newPath+p[len(oldPath):]] = n
			}
		}
		return nil
	}).Wait(ctx)
}

func (s *farServer) Symlink(context.Context, string, string) (sftpconn.Attr, error) {
	return sftpconn.Attr{}, errors.ErrUnsupported
}

func (s *farServer) Readlink(ctx context.Context, path string) (string, error) {
	return "target", s.start("READLINK", path, func() error { return nil }).Wait(ctx)
}

func (s *farServer) Link(ctx context.Context, oldPath, newPath string) (sftpconn.Attr, error) {
	return ask(ctx, s, "LINK", newPath, func() (sftpconn.Attr, error) {
		n, err := s.find(oldPath)
		if err != nil {
			return sftpconn.Attr{}, err
		}
		s.nodes[newPath] = n
		return n.stat(), nil
	})
}

func (s *farServer) StatVFS(context.Context, string) (sftpconn.StatVFS, error) {
	return sftpconn.StatVFS{}, errors.ErrUnsupported
}

func (s *farServer) RealPath(context.Context, string) (string, error) { return "/", nil }

func (s *farServer) Close() error { return nil }

// farFile is an open file on a farServer.
type farFile struct {
	server *farServer
	path   string
	flags  sftpconn.OpenFlags
	node   *node
	closed bool
}

func (f *farFile) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	var data []byte // p is not touched after ReadAt has returned
	r := f.server.start("READ", f.path, func() error {
		if size := int64(len(f.node.data)); off < size {
			data = bytes.Clone(f.node.data[off:min(size, off+int64(len(p)))])
		}
		f.server.read += int64(len(data))
		if len(data) < len(p) {
			return io.EOF
		}
		return nil
	})
	err := r.Wait(ctx)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return copy(p, data), err
}

func (f *farFile) Write(p []byte, off int64) sftpconn.Pending {
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	r := f.server.startLocked("WRITE", f.path, func() error {
		if f.flags&sftpconn.Write == 0 {
			return fs.ErrPermission
		}
		if f.flags&sftpconn.Append != 0 {
			off = int64(len(f.node.data))
		}
		f.node.resize(max(int64(len(f.node.data)), off+int64(len(p))))
		copy(f.node.data[off:], p)
		f.node.attr.Mtime = uint32(time.Now().Unix())
		return nil
	})
	e := extent{f.node, off, off + int64(len(p))}
	for _, o := range f.server.inFlight {
		if o.node == e.node && o.off < e.end && e.off < o.end && f.flags&sftpconn.Append == 0 {
			f.server.clash = true
		}
	}
	f.server.inFlight[r] = e
	return r
}

func (f *farFile) CopyFrom(ctx context.Context, src sftpconn.File, srcOff, off, n int64) (int64, error) {
	return ask(ctx, f.server, "copy-data", f.path, func() (int64, error) {
		data := src.(*farFile).node.data
		data = data[min(srcOff, int64(len(data))):min(srcOff+n, int64(len(data)))]
		f.node.resize(max(int64(len(f.node.data)), off+int64(len(data))))
		return int64(copy(f.node.data[off:], data)), nil
	})
}

func (f *farFile) SetAttr(set sftpconn.SetAttr) sftpconn.Pending {
	return f.server.start("FSETSTAT", f.path, func() error {
		f.node.set(set)
		return nil
	})
}

func (f *farFile) Flush(context.Context) error { panic("the cache waits for what it started itself") }

func (f *farFile) Attr(ctx context.Context) (sftpconn.Attr, error) {
	return ask(ctx, f.server, "FSTAT", f.path, func() (sftpconn.Attr, error) { return f.node.stat(), nil })
}

func (f *farFile) Sync(ctx context.Context) error {
	return f.server.start("FSYNC", f.path, func() error { return nil }).Wait(ctx)
}

func (f *farFile) Close(context.Context) error {
	f.server.mu.Lock()
	defer f.server.mu.Unlock()
	if f.closed {
		panic("closed twice")
	}
	f.closed = true
	f.server.startLocked("CLOSE", f.path, func() error { return nil })
	return nil
}
