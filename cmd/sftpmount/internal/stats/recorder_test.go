package stats

import (
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/fusefs"
)

// do lets a request take some time.
func do(r *Recorder, operation string, bytes int64, errno syscall.Errno, took time.Duration) {
	request := &fusefs.Request{Operation: operation, Began: time.Now()}
	r.Begin(request)
	time.Sleep(took)
	request.Took, request.Bytes, request.Errno = took, bytes, errno
	r.End(request)
}

func TestRecorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New()
		do(r, "create", 0, 0, time.Millisecond)
		do(r, "open", 0, syscall.ENOENT, time.Millisecond)
		do(r, "write", 1000, 0, time.Millisecond)
		do(r, "copy_file_range", 5000, 0, time.Millisecond)
		time.Sleep(time.Second)
		do(r, "read", 300, 0, time.Millisecond)
		do(r, "read", 0, syscall.EIO, 5*time.Second) // in the seventh second
		s := r.Snapshot(time.Second)
		assert.Equal(t, 1, s.OpenFiles)
		assert.Equal(t, Traffic{Operations: 6, Failed: 2, ReadBytes: 300, WrittenBytes: 1000}, s.Total)
		assert.Equal(t, []Traffic{
			{Operations: 4, Failed: 1, WrittenBytes: 1000}, {Operations: 1, ReadBytes: 300}, {}, {}, {}, {},
		}, s.History)
		require.Len(t, s.Operations, 5)
		read := s.Operations[3]
		assert.Equal(t, "read", read.Name)
		assert.EqualValues(t, 2, read.Durations.Count)
		assert.EqualValues(t, 1, read.Failed)
		assert.Equal(t, 5*time.Second, read.Durations.Max)
		assert.Empty(t, s.Running)

		do(r, "release", 0, 0, 0)
		time.Sleep(time.Hour)
		s = r.Snapshot(time.Second)
		assert.Zero(t, s.OpenFiles)
		assert.Equal(t, make([]Traffic, historySeconds), s.History, "an hour ago is forgotten")
	})
}

func TestRunningRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New()
		var running sync.WaitGroup
		for _, operation := range []string{"read", "write"} {
			running.Go(func() { do(r, operation, 1, 0, time.Minute) })
			time.Sleep(2 * time.Second)
		}
		running.Go(func() { do(r, "flush", 0, 0, time.Minute) })
		synctest.Wait()
		slow := r.Snapshot(time.Second).Running
		require.Len(t, slow, 2)
		assert.Equal(t, "read", slow[0].Operation, "the oldest comes first")
		assert.Equal(t, "write", slow[1].Operation)
		running.Wait()
		assert.Empty(t, r.Snapshot(0).Running)
	})
}

func BenchmarkRecorder(b *testing.B) {
	r := New()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			request := &fusefs.Request{Operation: "read", Began: time.Now(), Took: time.Millisecond}
			r.Begin(request)
			r.End(request)
		}
	})
}
