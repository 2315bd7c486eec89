package cache_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"sftpmount/cache"
	"sftpmount/sftpconn"
)

const benchSize = 64 << 20

// BenchmarkRead reads a file in sequence from a sftp-server without SSH, in the
// kernel's pieces.
func BenchmarkRead(b *testing.B) {
	fsys, root := newOverServer(b, cache.Options{})
	defer func() { _ = fsys.Close() }()
	path := root + "/file"
	require.NoError(b, os.WriteFile(path, make([]byte, benchSize), 0o644))
	p := make([]byte, 128<<10)
	b.SetBytes(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		f, _, err := fsys.Open(b.Context(), path, sftpconn.Read, 0)
		require.NoError(b, err)
		for off := 0; off < benchSize; off += len(p) {
			_, err := f.ReadAt(b.Context(), p, int64(off))
			require.NoError(b, err)
		}
		require.NoError(b, f.Close(b.Context()))
	}
}

func BenchmarkWrite(b *testing.B) {
	for name, piece := range map[string]int{"4KiB": 4 << 10, "1MiB": 1 << 20} {
		b.Run(name, func(b *testing.B) {
			fsys, root := newOverServer(b, cache.Options{})
			defer func() { _ = fsys.Close() }()
			p := make([]byte, piece)
			b.SetBytes(benchSize)
			b.ReportAllocs()
			for b.Loop() {
				f, _, err := fsys.Open(b.Context(), root+"/file", sftpconn.Write|sftpconn.Create|sftpconn.Truncate, 0o644)
				require.NoError(b, err)
				for off := 0; off < benchSize; off += piece {
					require.NoError(b, f.Write(p, int64(off)).Wait(b.Context()))
				}
				require.NoError(b, f.Flush(b.Context()))
				require.NoError(b, f.Close(b.Context()))
			}
		})
	}
}

// BenchmarkLstat is of a name in a listed directory.
func BenchmarkLstat(b *testing.B) {
	fsys, root := newOverServer(b, cache.Options{AttrTimeout: 1 << 60, DirTimeout: 1 << 60})
	defer func() { _ = fsys.Close() }()
	require.NoError(b, os.WriteFile(root+"/file", nil, 0o644))
	_, err := fsys.ReadDir(b.Context(), root)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, err := fsys.Lstat(b.Context(), root+"/file")
		require.NoError(b, err)
	}
}
