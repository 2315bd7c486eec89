package sftptest

import (
	"fmt"
	"sync"

	"github.com/stretchr/testify/assert"

	"sftpmount/sftpconn"
)

var concurrentTests = map[string]func(*fixture){
	"Mixed":    testMixed,
	"OneFile":  testOneFile,
	"OneMaker": testOneMaker,
}

const workers = 32

// testMixed does everything at once, each worker in a directory of its own.
func testMixed(f *fixture) {
	shared := f.put("shared", pattern(1<<20))
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			for round := range 4 {
				f.mix(shared, f.path(fmt.Sprintf("%d-%d", worker, round)))
			}
		})
	}
	wg.Wait()
	assert.Equal(f, []string{"shared"}, f.names(f.root))
}

// mix uses check in place of require, which must not be called from a worker.
func (f *fixture) mix(shared, dir string) {
	check := func(what string) func(any, error) {
		return func(_ any, err error) { assert.NoError(f, err, "%s in %s", what, dir) }
	}
	content := pattern(100_000)
	check("mkdir")(f.fs.Mkdir(f.ctx, dir, 0o755))
	file, _, err := f.fs.Open(f.ctx, dir+"/file", writeNew|sftpconn.Excl, 0o600)
	if !assert.NoError(f, err) {
		return
	}
	check("write")(nil, file.Write(content, 0).Wait(f.ctx))
	check("flush")(nil, file.Flush(f.ctx))
	check("close")(nil, file.Close(f.ctx))
	f.contentOnDisk(dir+"/file", content)
	check("symlink")(f.fs.Symlink(f.ctx, "file", dir+"/link"))
	check("setattr")(f.fs.SetAttr(f.ctx, dir+"/link", setMode(0o640)))
	entries, err := f.fs.ReadDir(f.ctx, dir)
	assert.NoError(f, err)
	assert.Len(f, entries, 2)
	check("rename")(nil, f.fs.Rename(f.ctx, dir+"/file", dir+"/moved", true))
	common, _, err := f.fs.Open(f.ctx, shared, sftpconn.Read, 0)
	if assert.NoError(f, err) {
		p := make([]byte, 70_000)
		check("read")(common.ReadAt(f.ctx, p, 1000))
		f.sameBytes(pattern(71_000)[1000:], p)
		check("close")(nil, common.Close(f.ctx))
	}
	check("remove")(nil, f.fs.Remove(f.ctx, dir+"/moved"))
	check("remove")(nil, f.fs.Remove(f.ctx, dir+"/link"))
	check("rmdir")(nil, f.fs.Rmdir(f.ctx, dir))
}

// testOneFile writes and reads one open file from many workers, each its part.
func testOneFile(f *fixture) {
	const part = 50_000
	content := pattern(workers * part)
	path := f.path("file")
	file := f.open(path, writeNew, 0o644)
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			mine := content[worker*part : (worker+1)*part]
			for at := 0; at < part; at += 10_000 {
				assert.NoError(f, file.Write(mine[at:at+10_000], int64(worker*part+at)).Wait(f.ctx))
			}
			p := make([]byte, part)
			n, _ := file.ReadAt(f.ctx, p, int64(worker*part))
			f.sameBytes(mine, p[:n])
		})
	}
	wg.Wait()
	assert.NoError(f, file.Flush(f.ctx))
	f.contentOnDisk(path, content)
}

// testOneMaker lets all make the same names: of each, one succeeds.
func testOneMaker(f *fixture) {
	for round := range 10 {
		var made, dirs sync.Map
		var wg sync.WaitGroup
		for worker := range workers {
			wg.Go(func() {
				file, _, err := f.fs.Open(f.ctx, f.path(fmt.Sprintf("file %d", round)), writeNew|sftpconn.Excl, 0o644)
				if err == nil {
					made.Store(worker, nil)
					assert.NoError(f, file.Close(f.ctx))
				}
				if _, err := f.fs.Mkdir(f.ctx, f.path(fmt.Sprintf("dir %d", round)), 0o755); err == nil {
					dirs.Store(worker, nil)
				}
			})
		}
		wg.Wait()
		assert.Equal(f, 1, length(&made), "who made the file")
		assert.Equal(f, 1, length(&dirs), "who made the directory")
	}
}

func length(m *sync.Map) int {
	n := 0
	m.Range(func(any, any) bool { n++; return true })
	return n
}
