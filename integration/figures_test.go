package integration

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"sftpmount/cache"
	"sftpmount/reconnect"
	"sftpmount/sftpconn"
	"sftpmount/sftpconn/sftptest"
)

// The figures of docs/performance.md. They take long, and so run only where the
// variable FIGURES is set (make figures).
func onlyForFigures(t *testing.T) {
	t.Helper()
	if os.Getenv("FIGURES") == "" {
		t.Skip("measures for long: FIGURES is not set")
	}
}

// How long it takes from the moment that the link works again until a stat(2)
// that waits for it has its answer.
func TestFigureReturn(t *testing.T) {
	onlyForFigures(t)
	random := newRandom(t)
	m := newLinkedMount(t)
	m.watchdog.timer.Reset(10 * time.Minute)
	waits := map[string][]time.Duration{}
	for round := range 50 {
		name := fmt.Sprintf("file%d", round) // never asked for before
		m.writeOnServer(name, "content")
		kind := []string{"cut", "FIN", "stall"}[random.IntN(3)]
		outage := 200*time.Millisecond + time.Duration(random.Int64N(int64(1800*time.Millisecond)))
		back := make(chan time.Time, 1)
		go func() { back <- failFor(m, kind, outage) }()
		time.Sleep(50 * time.Millisecond)
		_, err := os.Stat(m.path(name))
		done := time.Now()
		require.NoError(t, err)
		wait := done.Sub(<-back)
		waits[kind] = append(waits[kind], wait)
		waits["all"] = append(waits["all"], wait)
		time.Sleep(1500 * time.Millisecond) // a connection that lasts is followed by the next at once
	}
	for kind, list := range waits {
		slices.Sort(list)
		t.Logf("%-5s %2d drops: median %v, maximum %v", kind, len(list),
			list[len(list)/2].Round(time.Millisecond), list[len(list)-1].Round(time.Millisecond))
	}
	t.Logf("%d connections", m.link.Connections())
}

// failFor breaks the link and returns when it worked again.
func failFor(m *linkedMount, kind string, outage time.Duration) time.Time {
	if kind == "stall" {
		m.link.Stall()
		time.Sleep(outage)
		back := time.Now()
		m.link.Resume()
		return back
	}
	m.link.Refuse()
	if kind == "cut" {
		m.link.Cut()
	} else {
		m.link.CloseFIN()
	}
	time.Sleep(outage)
	back := time.Now()
	assert.NoError(m.t, m.link.Accept())
	return back
}

// What the program holds after 500 drops, with files open all the time.
func TestFigureDrops(t *testing.T) {
	onlyForFigures(t)
	m := newLinkedMount(t)
	m.watchdog.timer.Reset(20 * time.Minute)
	m.writeOnServer("read", string(randomBytes(1<<20, rand.New(rand.NewPCG(1, 1)))))
	reader, err := os.Open(m.path("read"))
	require.NoError(t, err)
	defer reader.Close()
	log := hold(t, m.path("log"), os.O_WRONLY|os.O_CREATE)
	for drops := 0; ; drops++ {
		if drops%100 == 0 || drops == 20 {
			t.Logf("after %3d drops: %s", drops, holdings(t, m.process.Pid))
		}
		if drops == 500 {
			break
		}
		m.link.Cut()
		_, err := reader.ReadAt(make([]byte, 1000), rand.Int64N(1<<20-1000))
		require.NoError(t, err)
		_, err = fmt.Fprintln(log, "line", drops)
		require.NoError(t, err)
		require.NoError(t, log.Sync())
		_, err = os.Stat(m.path(fmt.Sprintf("absent%d", drops)))
		require.ErrorIs(t, err, os.ErrNotExist)
		time.Sleep(1100 * time.Millisecond) // see TestFigureReturn
	}
	assert.GreaterOrEqual(t, m.link.Connections(), 500)
}

// holdings says how many threads, open files and memory a process has.
func holdings(t *testing.T, pid int) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	require.NoError(t, err)
	field := func(name string) string {
		found := regexp.MustCompile(`(?m)^` + name + `:\s*(.*)$`).FindSubmatch(status)
		require.NotNil(t, found, name)
		return string(found[1])
	}
	return "resident memory " + field("VmRSS") + ", threads " + field("Threads") + ", open files " + strconv.Itoa(len(files))
}

// Drops leave no goroutine behind in the file systems of the program, which are
// stacked here as there.
func TestDropsLeaveNothing(t *testing.T) {
	drops := 20
	if os.Getenv("FIGURES") != "" {
		drops = 500
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	server := sftptest.NewServer(t, sftptest.Options{OpenSSH: true})
	fsys := stackOn(ctx, t, server.Addr())
	require.NoError(t, os.WriteFile(server.Dir()+"/read", make([]byte, 1<<20), 0o644))
	reader, _, err := fsys.Open(ctx, server.Dir()+"/read", sftpconn.Read, 0)
	require.NoError(t, err)
	writer, _, err := fsys.Open(ctx, server.Dir()+"/write", sftpconn.Write|sftpconn.Create, 0o644)
	require.NoError(t, err)
	use := func(round int) {
		_, err := reader.ReadAt(ctx, make([]byte, 1000), rand.Int64N(1<<20-1000))
		require.NoError(t, err)
		require.NoError(t, writer.Write([]byte("line"), int64(4*round)).Wait(ctx))
		require.NoError(t, writer.Sync(ctx))
		_, err = fsys.Lstat(ctx, fmt.Sprintf("%s/absent%d", server.Dir(), round))
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	use(0)
	goroutines, heap := leftNow()
	for round := range drops {
		server.Drop()
		use(round + 1)
	}
	goroutinesAfter, heapAfter := leftNow()
	t.Logf("before: %d goroutines, %d KiB of heap; after %d drops: %d goroutines, %d KiB of heap",
		goroutines, heap>>10, drops, goroutinesAfter, heapAfter>>10)
	assert.LessOrEqual(t, goroutinesAfter, goroutines+10, "each drop left some")
	require.NoError(t, reader.Close(ctx))
	require.NoError(t, writer.Close(ctx))
	require.NoError(t, fsys.Close())
}

func stackOn(ctx context.Context, t *testing.T, addr string) *cache.FS {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	remote, err := reconnect.New(ctx, func(ctx context.Context) (sftpconn.Session, error) {
		transport, err := sftptest.DialTransport(ctx, addr)
		if err != nil {
			return nil, err
		}
		return sftpconn.New(ctx, transport, sftpconn.Options{Logger: quiet})
	}, reconnect.Options{BackoffInitial: 2 * time.Millisecond, BackoffMax: 50 * time.Millisecond, Logger: quiet})
	require.NoError(t, err)
	return cache.New(remote, cache.Options{Logger: quiet})
}

// leftNow counts the goroutines, once those that are about to end have, and the
// bytes in use on the heap.
func leftNow() (goroutines int, heap uint64) {
	goroutines = runtime.NumGoroutine()
	for range 50 {
		time.Sleep(10 * time.Millisecond)
		goroutines = min(goroutines, runtime.NumGoroutine())
	}
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return goroutines, stats.HeapAlloc
}

// How long a listing takes while a big file is copied each way, in round trips:
// metadata must not wait behind contents.
func TestFigureListingBesideCopies(t *testing.T) {
	onlyForFigures(t)
	const delay = 50 * time.Millisecond
	m := newLinkedMount(t)
	m.watchdog.timer.Reset(10 * time.Minute)
	shell(t, m.remote, "truncate -s 8G big; for i in {0..99}; do mkdir $i; touch $i/{a,b,c}; done")
	m.link.SetDelay(delay)
	m.link.SetRate(125e6)
	for _, copy := range []string{"exec cat big >/dev/null", "exec cat /dev/zero >copy"} {
		cmd, _ := tool(t, m.dir, "sh", "-c", copy)
		ended := start(t, cmd)
		defer func() {
			_ = cmd.Process.Kill()
			<-ended
		}()
	}
	time.Sleep(3 * time.Second)
	var trips []float64
	for i := range 60 {
		start := time.Now()
		run(t, m.dir, "ls", strconv.Itoa(i*37%100)) // in no order that could be foreseen
		trips = append(trips, float64(time.Since(start))/float64(delay))
		time.Sleep(100 * time.Millisecond)
	}
	slices.Sort(trips)
	t.Logf("listing beside copies: median %.1f round trips, 95th percentile %.1f, maximum %.1f",
		trips[len(trips)/2], trips[len(trips)*95/100], trips[len(trips)-1])
}
