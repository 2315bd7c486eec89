package errand

import (
	"context"
	"fmt"
	"slices"
)

// Errand is a change that was answered before it is carried out (AsyncClose).
type Errand struct {
	Change string        // such as "mkdir", for messages
	Paths  []string      // that it is about, the one that it makes last
	Done   chan struct{} // closed when it was carried out, or could not be
	after  []prior
	waited bool  // its caller waits for it: it was not answered
	err    error // set before Done is closed
}

// prior is an errand that comes before another one. If it is vital, the other
// one is not carried out if it fails: it would meet another file than it is
// meant for.
type prior struct {
	errand *Errand
	vital  bool
}

// Subject returns the path that e is about, of two the one that it makes.
func (e *Errand) Subject() string { return e.Paths[len(e.Paths)-1] }

// Await waits until all of those before are done, for each by wait. It returns the error
// of the first vital one that failed.
func (e *Errand) Await(ctx context.Context, wait func(context.Context, <-chan struct{}) error) error {
	var first error
	for _, p := range e.after {
		if err := wait(ctx, p.errand.Done); err != nil {
			return err
		}
		if p.vital && p.errand.err != nil && first == nil {
			first = fmt.Errorf("%s before it failed: %w", p.errand.Change, p.errand.err)
		}
	}
	return first
}

// Unsure reports whether something before is not known to succeed.
func (e *Errand) Unsure() bool {
	return slices.ContainsFunc(e.after, func(p prior) bool { return p.errand.waited })
}
