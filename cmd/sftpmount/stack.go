package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sftpmount/cache"
	"sftpmount/sftpconn/sshdial"
)

// A stack is the file systems that stand on each other, from the connection up
// to what FUSE shows. Closing the highest closes those below.
type stack struct {
	cache  *cache.FS
	dialer *sshdial.Dialer
}

// close sends what was written, waits for the server to have it, and ends the
// connection.
func (s *stack) close() error {
	err := s.cache.Close()
	_ = s.dialer.Close()
	if unsent := s.cache.Unsent(); len(unsent) > 0 {
		return failure(exitUnsent, "data did not reach the server: %s", describeUnsent(unsent))
	}
	return err
}

// describeUnsent lists files by name with what they lack, the first ten of them.
func describeUnsent(unsent map[string]int64) string {
	var list []string
	for i, path := range slices.Sorted(maps.Keys(unsent)) {
		if i == 10 {
			list = append(list, fmt.Sprintf("and %d more files", len(unsent)-i))
			break
		}
		list = append(list, fmt.Sprintf("%d bytes of %s", unsent[path], path))
	}
	return strings.Join(list, ", ")
}
