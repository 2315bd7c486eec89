package charset

import (
	"context"
	"syscall"

	"sftpmount/sftpconn"
)

// session is a Session whose names are in UTF-8, over one whose names are the
// server's.
//
// It does not embed the other, so that a method that takes or returns a name
// cannot be forgotten.
type session struct {
	server  sftpconn.Session
	charset *Charset
}

var _ sftpconn.Session = (*session)(nil)

// Wrap returns a Session over server whose names are in UTF-8. A name that the
// server cannot have does not exist (ENOENT), and cannot be made (EILSEQ).
func Wrap(server sftpconn.Session, charset *Charset) sftpconn.Session {
	return &session{server, charset}
}

// existing converts the path of something that is to be there.
func (s *session) existing(path string) (string, error) {
	if remote, ok := s.charset.toServer(path); ok {
		return remote, nil
	}
	return "", syscall.ENOENT
}

// wanted converts a path that is to be made, or what a link is to read as.
func (s *session) wanted(path string) (string, error) {
	if remote, ok := s.charset.toServer(path); ok {
		return remote, nil
	}
	return "", syscall.EILSEQ
}

// Lstat implements [sftpconn.FS].
func (s *session) Lstat(ctx context.Context, path string) (sftpconn.Attr, error) {
	path, err := s.existing(path)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	return s.server.Lstat(ctx, path)
}

// Stat implements [sftpconn.FS].
func (s *session) Stat(ctx context.Context, path string) (sftpconn.Attr, error) {
	path, err := s.existing(path)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	return s.server.Stat(ctx, path)
}

// SetAttr implements [sftpconn.FS].
func (s *session) SetAttr(ctx context.Context, path string, set sftpconn.SetAttr) (sftpconn.Attr, error) {
	path, err := s.existing(path)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	return s.server.SetAttr(ctx, path, set)
}

// ReadDir implements [sftpconn.FS].
func (s *session) ReadDir(ctx context.Context, path string) ([]sftpconn.DirEntry, error) {
	path, err := s.existing(path)
	if err != nil {
		return nil, err
	}
	entries, err := s.server.ReadDir(ctx, path)
	for i := range entries {
		entries[i].Name = s.charset.decode(entries[i].Name)
	}
	return entries, err
}

// Open implements [sftpconn.FS].
func (s *session) Open(ctx context.Context, path string, flags sftpconn.OpenFlags, mode uint32) (sftpconn.File, sftpconn.Attr, error) {
	convert := s.existing
	if flags&sftpconn.Create != 0 {
		convert = s.wanted
	}
	path, err := convert(path)
	if err != nil {
		return nil, sftpconn.Attr{}, err
	}
	return s.server.Open(ctx, path, flags, mode)
}

// Mkdir implements [sftpconn.FS].
func (s *session) Mkdir(ctx context.Context, path string, mode uint32) (sftpconn.Attr, error) {
	path, err := s.wanted(path)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	return s.server.Mkdir(ctx, path, mode)
}

// Remove implements [sftpconn.FS].
func (s *session) Remove(ctx context.Context, path string) error {
	path, err := s.existing(path)
	if err != nil {
		return err
	}
	return s.server.Remove(ctx, path)
}

// Rmdir implements [sftpconn.FS].
func (s *session) Rmdir(ctx context.Context, path string) error {
	path, err := s.existing(path)
	if err != nil {
		return err
	}
	return s.server.Rmdir(ctx, path)
}

// Rename implements [sftpconn.FS].
func (s *session) Rename(ctx context.Context, oldPath, newPath string, replace bool) error {
	oldPath, newPath, err := s.both(oldPath, newPath)
	if err != nil {
		return err
	}
	return s.server.Rename(ctx, oldPath, newPath, replace)
}

func (s *session) both(oldPath, newPath string) (string, string, error) {
	oldPath, err := s.existing(oldPath)
	if err != nil {
		return "", "", err
	}
	newPath, err = s.wanted(newPath)
	return oldPath, newPath, err
}

// Symlink implements [sftpconn.FS]. The target is a name of the server too.
func (s *session) Symlink(ctx context.Context, target, path string) (sftpconn.Attr, error) {
	target, err := s.wanted(target)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	path, err = s.wanted(path)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	return s.server.Symlink(ctx, target, path)
}

// Readlink implements [sftpconn.FS].
func (s *session) Readlink(ctx context.Context, path string) (string, error) {
	path, err := s.existing(path)
	if err != nil {
		return "", err
	}
	target, err := s.server.Readlink(ctx, path)
	return s.charset.decode(target), err
}

// Link implements [sftpconn.FS].
func (s *session) Link(ctx context.Context, oldPath, newPath string) (sftpconn.Attr, error) {
	oldPath, newPath, err := s.both(oldPath, newPath)
	if err != nil {
		return sftpconn.Attr{}, err
	}
	return s.server.Link(ctx, oldPath, newPath)
}

// StatVFS implements [sftpconn.FS].
func (s *session) StatVFS(ctx context.Context, path string) (sftpconn.StatVFS, error) {
	path, err := s.existing(path)
	if err != nil {
		return sftpconn.StatVFS{}, err
	}
	return s.server.StatVFS(ctx, path)
}

// RealPath implements [sftpconn.FS].
func (s *session) RealPath(ctx context.Context, path string) (string, error) {
	path, err := s.existing(path)
	if err != nil {
		return "", err
	}
	path, err = s.server.RealPath(ctx, path)
	return s.charset.decode(path), err
}

// Close implements [sftpconn.FS].
func (s *session) Close() error { return s.server.Close() }

// Done implements [sftpconn.Session].
func (s *session) Done() <-chan struct{} { return s.server.Done() }

// Err implements [sftpconn.Session].
func (s *session) Err() error { return s.server.Err() }
