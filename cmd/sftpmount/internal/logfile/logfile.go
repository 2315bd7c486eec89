// Package logfile is a file that lines are added to, and that may be rotated by
// renaming or removing it (logrotate(8)): the next line then begins a new file.
package logfile

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// File is open for appending. Its Write may be called by many goroutines; what
// one call writes stays together.
type File struct {
	path string

	mu   sync.Mutex
	file *os.File
}

// Open opens the file at path, an absolute one, or makes it for its owner alone.
func Open(path string) (*File, error) {
	f := &File{path: path}
	var err error
	f.file, err = f.open()
	return f, err
}

func (f *File) open() (*os.File, error) {
	return os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
}

// Write implements [io.Writer]. If the new file cannot be opened after the old
// one was renamed, p goes to the old one and the error says so.
func (f *File) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rotating := f.follow()
	n, err := f.file.Write(p)
	return n, errors.Join(err, rotating)
}

// follow opens the file anew if its name no longer leads to it.
func (f *File) follow() error {
	named, err := os.Stat(f.path)
	if err == nil {
		open, err := f.file.Stat()
		if err == nil && os.SameFile(named, open) {
			return nil
		}
	}
	file, err := f.open()
	if err != nil {
		return fmt.Errorf("%s was rotated, and the old file goes on: %w", f.path, err)
	}
	old := f.file
	f.file = file
	return old.Close()
}

// Close closes the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.file.Close()
}
