package cache

// failure is the last error of what nobody waited for. count goes up with each, so
// that every File can tell whether it has reported it (Linux: errseq_t).
type failure struct {
	err   error
	count uint64
	bytes int64 // lost, not logged yet

	// unseen is how many bytes were lost since somebody asked last, by Flush or
	// Sync. What fails in Write alone may be the kernel's writing back of pages,
	// after the last close(2).
	unseen int64

	untold error // the last one when nobody was left to be told
}

func (f *failure) note(err error) {
	f.count++
	f.err = err
}

// fileErrors are the errors that a File has to return besides those of its content.
type fileErrors struct {
	setting  failure  // of changes of attributes through the File
	reported reported // what was returned through it
}

// reported is how many failures were returned through a File: of the content's
// writes, and of its own changes of attributes.
type reported struct{ writing, setting uint64 }

// takeError returns an error that was not returned here before, with content.mu
// held. before is what had been when the caller began: what somebody else, such
// as another process with the same open file, is told meanwhile concerns the
// caller as well.
func (f *File) takeError(before reported) error {
	writing := &f.content.failure
	switch {
	case before.writing < writing.count:
		f.errors.reported.writing = writing.count
		return writing.err
	case before.setting < f.errors.setting.count:
		f.errors.reported.setting = f.errors.setting.count
		return f.errors.setting.err
	}
	return nil
}

// takeAllErrors is takeError for those who ask what became of all that was written
// before.
func (f *File) takeAllErrors(before reported) error {
	f.content.failure.unseen = 0
	return f.takeError(before)
}

// takeWriteError is takeError for those who begin to write now, and are not told
// of changes of attributes.
func (f *File) takeWriteError() error {
	before := f.errors.reported
	before.setting = f.errors.setting.count
	return f.takeError(before)
}
