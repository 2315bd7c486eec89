package errand

import "sftpmount/cache/internal/pathname"

// What failed after it was answered is kept until somebody is told.

// Note keeps an error that nobody was told of.
func (q *Queue) Note(path string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.noteLocked(path, err)
}

func (q *Queue) noteLocked(path string, err error) {
	q.failedCount++
	if q.failures[path] == nil && len(q.failures) < Most {
		q.failures[path] = err
	}
}

// TakeFailure returns the first error about path, and forgets it. q may be nil.
func (q *Queue) TakeFailure(path string) error {
	if q == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	err := q.failures[path]
	delete(q.failures, path)
	return err
}

// TakeFailures is TakeFailure for a directory and all that is below it.
func (q *Queue) TakeFailures(dir string) error {
	if q == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	var first error
	for p, err := range q.failures {
		if p == dir || pathname.Below(dir, p) || dir == "/" {
			delete(q.failures, p)
			first = err
		}
	}
	return first
}

// Failed returns how many errors there were. q may be nil.
func (q *Queue) Failed() uint64 {
	if q == nil {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.failedCount
}
