package status

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links a path may lead through, as in Linux.
const maxLinks = 40

// Find returns the mount that path lies on, and whether path is its mountpoint.
// It returns nil if none of the answers is from that mount.
//
// It looks at nothing on a mount, which may hang. So it follows symbolic links
// by itself, and does not ask for the current directory in a way that does.
func Find(answers []Answer, path string) (found *Answer, itself bool) {
	if !filepath.IsAbs(path) {
		dir, err := unix.Getwd()
		if err != nil {
			return nil, false
		}
		path = filepath.Join(dir, path)
	}
	path = filepath.Clean(path)
	for range maxLinks {
		for end := 1; end <= len(path); end++ {
			if end < len(path) && path[end] != '/' {
				continue
			}
			if found := at(answers, path[:end]); found != nil {
				return found, end == len(path)
			}
			if target, err := os.Readlink(path[:end]); err == nil {
				if !filepath.IsAbs(target) {
					target = filepath.Join(filepath.Dir(path[:end]), target)
				}
				path = filepath.Join(target, path[end:])
				break
			}
			if end == len(path) {
				return nil, false
			}
		}
	}
	return nil, false
}

// at returns the mount on a directory. Of several on the same one, the last
// hides the others.
func at(answers []Answer, dir string) *Answer {
	var found *Answer
	for i := range answers {
		a := &answers[i]
		if a.Err == nil && a.Report.Mountpoint == dir && (found == nil || a.Report.Mounted.After(found.Report.Mounted)) {
			found = a
		}
	}
	return found
}
