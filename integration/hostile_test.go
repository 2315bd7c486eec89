package integration

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	sshfx "github.com/pkg/sftp/v2/encoding/ssh/filexfer"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache"
	"sftpmount/fusefs"
	"sftpmount/reconnect"
	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// hostileMount is the stack of file systems on a server that lies.
type hostileMount struct {
	dir    string // on the server
	mnt    string
	secret string // lies beside the mount, and above it
}

// secret is what no link of a server may show.
const secret = "outside the mount"

func mountHostile(t *testing.T, answer sftptest.Answer) *hostileMount {
	t.Helper()
	m := &hostileMount{dir: t.TempDir()}
	outside := t.TempDir()
	m.secret = filepath.Join(outside, "secret")
	for _, dir := range []string{outside, outside + "/a", outside + "/a/b"} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
		require.NoError(t, os.WriteFile(dir+"/secret", []byte(secret), 0o644))
	}
	m.mnt = outside + "/a/b/mnt"
	require.NoError(t, os.Mkdir(m.mnt, 0o755))
	quiet := slog.New(slog.DiscardHandler)
	dial := func(ctx context.Context) (sftpconn.Session, error) {
		return sftpconn.New(ctx, &sftptest.Scripted{Answer: answer}, sftpconn.Options{Logger: quiet, BulkChannels: 1})
	}
	remote, err := reconnect.New(t.Context(), dial, reconnect.Options{
		Timeout: 3 * time.Second, BackoffInitial: time.Millisecond, BackoffMax: 10 * time.Millisecond, Logger: quiet,
	})
	require.NoError(t, err)
	fsys := cache.New(remote, cache.Options{Logger: quiet, AttrTimeout: time.Millisecond, DirTimeout: time.Millisecond,
		LinkTimeout: -1, NegativeTimeout: -1, CloseTimeout: time.Second})
	opts := fusefs.Options{Root: m.dir, EntryTimeout: time.Millisecond, AttrTimeout: time.Millisecond}
	server, err := fusefs.Mount(m.mnt, fsys, opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, server.Detach())
		server.Wait()
		_ = fsys.Close()
		assert.Zero(t, server.Panics(), "panics")
	})
	return m
}

// pathOf is the path that a request names, or the handle.
func pathOf(r sftptest.RawRequest) string {
	if len(r.Body) < 4 {
		return ""
	}
	n := int(binary.BigEndian.Uint32(r.Body))
	return string(r.Body[4:min(4+n, len(r.Body))])
}

// lieAbout answers requests for attributes of files called name with attrs.
func lieAbout(name string, attrs sshfx.Attributes) sftptest.Answer {
	return func(r sftptest.RawRequest) ([]byte, error) {
		asked := r.Name == "LSTAT" || r.Name == "STAT"
		if asked && filepath.Base(pathOf(r)) == name || r.Name == "FSTAT" {
			return sftptest.Reply(r.ID, &sshfx.AttrsPacket{Attrs: attrs})
		}
		return r.Honest()
	}
}

func attributes(mode uint32, size uint64, mtime uint32) sshfx.Attributes {
	return sshfx.Attributes{
		Flags: uint32(sftpconn.AttrAll), Permissions: sshfx.FileMode(mode), Size: size, ATime: mtime, MTime: mtime,
	}
}

func names(all ...string) *sshfx.NamePacket {
	p := &sshfx.NamePacket{}
	for _, name := range all {
		p.Entries = append(p.Entries, &sshfx.NameEntry{Filename: name, Attrs: attributes(0o100644, 1, 1)})
	}
	return p
}

// onReadDir answers READDIR with what batch says, until that is nil. n counts from 1
// for each listing.
func onReadDir(batch func(n int) *sshfx.NamePacket) sftptest.Answer {
	n := 0
	var mu sync.Mutex
	return func(r sftptest.RawRequest) ([]byte, error) {
		mu.Lock()
		defer mu.Unlock()
		switch r.Name {
		case "OPENDIR":
			n = 0
			return r.Honest()
		case "READDIR":
			n++
		default:
			return r.Honest()
		}
		if p := batch(n); p != nil {
			return sftptest.Reply(r.ID, p)
		}
		return sftptest.Reply(r.ID, &sshfx.StatusPacket{StatusCode: sshfx.StatusEOF})
	}
}

// Each lie, what a program does with the file, and what it is told. The file
// "file" holds "content".
var hostileServers = []struct {
	name   string
	answer sftptest.Answer
	script string
	says   string
}{
	{"a size near 2^63", lieAbout("file", attributes(0o100644, math.MaxInt64, 1)), `
		stat -c %s file; head -c 7 file; echo; tail -c 5 file | wc -c
		dd if=file bs=1M skip=8796093022206 count=9 status=none | wc -c
		python3 -c 'import os; f = os.open("file", os.O_RDONLY); print(os.pread(f, 100, 2**63 - 101))'
		(echo x >> file) 2>&1 || true; cmp file file`,
		`\A9223372036854775807\ncontent\n0\n0\nb''\n.*File too large\n\z`},
	{"a size beyond 2^63", lieAbout("file", attributes(0o100644, math.MaxUint64, 1)),
		`stat -c %s file; cat file`, `\A9223372036854775807\ncontent\z`},
	{"times at both ends", lieAbout("file", attributes(0o100644, 7, math.MaxUint32)),
		`stat -c '%X %Y %Z' file; cat file`, `\A4294967295 4294967295 4294967295\ncontent\z`},
	{"a time of 0", lieAbout("file", attributes(0o100644, 7, 0)), `stat -c '%X %Y %Z' file`, `\A0 0 0\n\z`},
	{"all bits of the mode", lieAbout("file", attributes(math.MaxUint32, 7, 1)), `stat file 2>&1 || true`, `Input/output error`},
	{"a type that there is not", lieAbout("file", attributes(0o070644, 7, 1)), `stat file 2>&1 || true`, `Input/output error`},
	{"a set-user-ID device", lieAbout("file", attributes(0o026777, 7, 1)), `stat -c %F file; cat file 2>&1 || true`,
		`\Acharacter special file\n.*Permission denied\n\z`},
	{"a folder in place of a file", func(r sftptest.RawRequest) ([]byte, error) {
		if filepath.Base(pathOf(r)) == "file" && r.Name == "STAT" || r.Name == "FSTAT" {
			return sftptest.Reply(r.ID, &sshfx.AttrsPacket{Attrs: attributes(0o040755, 7, 1)})
		}
		return r.Honest()
	}, `cat file 2>&1 || true; (echo x > file) 2>&1 || true; ls file`, `\A(.*(Is a directory|Stale file handle)\n){2}file\n\z`},
	{"names that lead elsewhere", onReadDir(func(n int) *sshfx.NamePacket {
		if n > 1 {
			return nil
		}
		return names("", ".", "..", "../x", "/etc/passwd", "a\x00b", "good", strings.Repeat("x", 256))
	}), `ls -A`, `\Agood\n\z`},
	{"no end of nothing", onReadDir(func(int) *sshfx.NamePacket { return names() }), `ls 2>&1 || true`, `Input/output error`},
	{"the same names for ever", onReadDir(func(int) *sshfx.NamePacket { return names("a", "b") }), `ls 2>&1 || true`, `Input/output error`},
	{"one name twice", func(r sftptest.RawRequest) ([]byte, error) {
		reply, err := r.Honest()
		if r.Name == "READDIR" && sshfx.PacketType(reply[4]) == sshfx.PacketTypeName {
			return sftptest.Reply(r.ID, names("file", "file", "other"))
		}
		return reply, err
	}, `ls | grep -c other; ls -l >/dev/null 2>&1 || true; cat file`, `\A1\ncontent\z`},
	{"a file system of nonsense", func(r sftptest.RawRequest) ([]byte, error) {
		if r.Name == "statvfs@openssh.com" {
			return sftptest.Reply(r.ID, &sshfx.ExtendedReplyPacket{Data: sshfx.NewBuffer([]byte(strings.Repeat("\xff", 88)))})
		}
		return r.Honest()
	}, `df . >/dev/null 2>&1 || true; stat -f . >/dev/null; cat file`, `\Acontent\z`},
	{"a file system of zeros", func(r sftptest.RawRequest) ([]byte, error) {
		if r.Name == "statvfs@openssh.com" {
			return sftptest.Reply(r.ID, &sshfx.ExtendedReplyPacket{Data: sshfx.NewBuffer(make([]byte, 88))})
		}
		return r.Honest()
	}, `df . >/dev/null 2>&1 || true; stat -f . >/dev/null; cat file`, `\Acontent\z`},
	{"data for ever", func(r sftptest.RawRequest) ([]byte, error) {
		if r.Name == "READ" {
			asked := binary.BigEndian.Uint32(r.Body[len(r.Body)-4:])
			return sftptest.Reply(r.ID, &sshfx.DataPacket{Data: []byte(strings.Repeat("x", int(asked)))})
		}
		return r.Honest()
	}, `cat file; echo; head -c 3 file`, `\Ax{7}\nx{3}\z`},
	{"no data", func(r sftptest.RawRequest) ([]byte, error) {
		if r.Name == "READ" {
			return sftptest.Reply(r.ID, &sshfx.DataPacket{})
		}
		return r.Honest()
	}, `cat file | tr -d '\0'; grep -c x file || true`, `\A0\n\z`},
	{"links in a circle", func(r sftptest.RawRequest) ([]byte, error) {
		if r.Name == "READLINK" {
			return sftptest.Reply(r.ID, names(filepath.Base(pathOf(r))))
		}
		return r.Honest()
	}, `cat link 2>&1 || true`, `Too many levels of symbolic links\n\z`},
	{"a very long link", func(r sftptest.RawRequest) ([]byte, error) {
		if r.Name == "READLINK" {
			return sftptest.Reply(r.ID, names(strings.Repeat("long/", 10_000)))
		}
		return r.Honest()
	}, `cat link 2>&1 || true; readlink link || true; cat file`, `content\z`},
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	for _, h := range hostileServers {
		t.Run(h.name, func(t *testing.T) {
			m := mountHostile(t, h.answer)
			require.NoError(t, os.WriteFile(m.dir+"/file", []byte("content"), 0o644))
			require.NoError(t, os.Symlink("file", m.dir+"/link"))
			assert.Regexp(t, h.says, shell(t, m.mnt, h.script))
		})
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	assert.Less(t, stats.HeapInuse, uint64(512<<20))
}

// Whatever a server says a link reads as, now and the next time, it leads
// nowhere outside.
func TestHostileLinksStayInside(t *testing.T) {
	t.Parallel()
	var m *hostileMount
	var mu sync.Mutex
	targets, asked := []string{"file"}, 0
	m = mountHostile(t, func(r sftptest.RawRequest) ([]byte, error) {
		if r.Name != "READLINK" {
			return r.Honest()
		}
		mu.Lock()
		defer mu.Unlock()
		asked++
		return sftptest.Reply(r.ID, names(targets[asked%len(targets)]))
	})
	mu.Lock()
	targets = []string{
		m.secret, "../secret", "../../secret", "../../../secret", "./../secret", "..//..//secret", "d/../../secret",
		"d/e/../../../secret", "chain/../secret", "chain/../../secret", "..", "../..", "../../..", "/", "//etc", ".", "",
		"file", "d", "d/e", "d/e/link", "chain", "..\x00", "../secret\x00", "\x00", "..\n/secret", "/proc/self/cwd/../secret",
		"../b/secret", "d/e/..", "loop",
	}
	mu.Unlock()
	require.NoError(t, os.MkdirAll(m.dir+"/d/e", 0o755))
	require.NoError(t, os.WriteFile(m.dir+"/file", []byte("inside"), 0o644))
	for _, link := range []string{"link", "chain", "loop", "d/link", "d/e/link", "d/e/chain"} {
		require.NoError(t, os.Symlink("file", filepath.Join(m.dir, link)))
	}
	said := shell(t, m.mnt, `
		for i in {1..40}; do
			cat link d/link d/e/link link/secret chain/secret d/link/secret d/e/chain/secret d/e/link/secret 2>&1 || true
			echo written > link/secret || true; echo written > d/e/link || true
			[ $((i % 4)) != 0 ] || mv d/e e; [ $((i % 4)) != 1 ] || mv e d/e || true
		done 2>&1`)
	assert.NotContains(t, said, secret)
	for dir := filepath.Dir(m.mnt); ; dir = filepath.Dir(dir) {
		content, err := os.ReadFile(dir + "/secret")
		require.NoError(t, err)
		assert.Equal(t, secret, string(content), "written to outside the mount")
		if dir == filepath.Dir(m.secret) {
			break
		}
	}
	mu.Lock()
	defer mu.Unlock()
	assert.Greater(t, asked, 200)
}

// A server that lies about anything, at random, takes nothing down.
func TestHostileAtRandom(t *testing.T) {
	t.Parallel()
	random := newRandom(t)
	var mu sync.Mutex
	roll := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	types := []uint32{0, 0o010000, 0o020000, 0o040000, 0o060000, 0o100000, 0o120000, 0o140000, 0o170000}
	sizes := []uint64{0, 1, 4095, 1 << 20, 1 << 32, math.MaxInt64 - 1, math.MaxInt64}
	m := mountHostile(t, func(r sftptest.RawRequest) ([]byte, error) {
		reply, err := r.Honest()
		if err != nil || r.Name == "INIT" || r.Name == "OPENDIR" || roll(6) != 0 {
			return reply, err
		}
		switch roll(5) {
		case 0:
			return sftptest.Reply(r.ID, &sshfx.AttrsPacket{
				Attrs: attributes(types[roll(len(types))]|uint32(roll(0o10000)), sizes[roll(len(sizes))], rand.Uint32())})
		case 1:
			return sftptest.Reply(r.ID, &sshfx.StatusPacket{StatusCode: sshfx.Status(roll(12))})
		case 2:
			return sftptest.Reply(r.ID, names("file", fmt.Sprint("new", roll(100)), "..", "d"))
		case 3:
			return sftptest.Reply(r.ID, &sshfx.DataPacket{Data: make([]byte, roll(100))})
		}
		if roll(20) == 0 {
			reply[9+roll(len(reply)-9+1)-1] ^= byte(1 + roll(255))
		}
		return reply, nil
	})
	shell(t, m.dir, `mkdir -p d/e; echo content > file; echo more > d/e/file; ln -s ../file d/link; truncate -s 1M big`)
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			said, _ := tryRun(t, m.mnt, "timeout", "30", "bash", "-c", `
				end=$((SECONDS + 3))
				while [ $SECONDS -lt $end ]; do
					# Folders may hold each other without end, and files may be of any size.
					timeout 1 ls -laR; timeout 1 cat file d/link d/e/file big | wc -c; timeout 1 find . -name 'n*'
					echo x >> file; timeout 1 cp file copy`+fmt.Sprint(i)+`
					mkdir x; mv d/e x/; mv x/e d/; timeout 1 rm -rf x copy*; stat -f .; ln -s a b; readlink b; rm b; truncate -s 5 big
				done 2>&1 | tail -c 2000`)
			assert.NotContains(t, said, "not connected")
		})
	}
	all.Wait()
}
