package main

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"sftpmount/cache"
	"sftpmount/reconnect"
	"sftpmount/sftpconn/sshdial"
)

// A stack is the file systems that stand on each other, from the connection up
// to what FUSE shows. Closing the highest closes those below.
type stack struct {
	cache  *cache.FS
	remote *reconnect.FS
	way    sshdial.Way

	current atomic.Pointer[connection] // the last one that was made
}

// close sends what was written, waits for the server to have it, and ends the
// connection. A signal meanwhile is answered with what is still to be sent, and
// the next one gives that up.
func (s *stack) close(signals <-chan os.Signal, log *slog.Logger) error {
	closed := make(chan error, 1)
	go func() { // ends with close, or with the program
		err := s.cache.Close()
		_ = s.way.Close()
		closed <- err
	}()
	for warned := false; ; {
		select {
		case err := <-closed:
			if unsent := s.cache.Unsent(); len(unsent) > 0 {
				return unsentError(unsent)
			}
			return err
		case <-signals:
			unsent := s.cache.Unsent()
			if len(unsent) == 0 {
				continue
			}
			if warned {
				return unsentError(unsent)
			}
			warned = true
			log.Warn("still sending what was written; another signal gives it up", "unsent", describeUnsent(unsent))
		}
	}
}

func unsentError(unsent map[string]int64) error {
	return failure(exitUnsent, "data did not reach the server: %s", describeUnsent(unsent))
}

// describeUnsent lists files by name with what they lack, the first ten of them.
func describeUnsent(unsent map[string]int64) string {
	var list []string
	for i, path := range slices.Sorted(maps.Keys(unsent)) {
		if i == 10 {
			list = append(list, fmt.Sprintf("and %d more files", len(unsent)-i))
			break
		}
		if unsent[path] == 0 {
			list = append(list, "a change of "+path)
			continue
		}
		list = append(list, fmt.Sprintf("%d bytes of %s", unsent[path], path))
	}
	return strings.Join(list, ", ")
}
