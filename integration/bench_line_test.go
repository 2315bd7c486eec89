package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"sftpmount/sftpconn/sftptest"
)

// lineRow is what one file of a GiB got of a line.
type lineRow struct {
	delay  time.Duration
	work   string
	whole  float64 // bytes per second from open to close
	steady float64 // between a quarter and nine tenths of it
	memory int64   // the most that the program held, bytes
}

// How much of a far line of 125 MB/s one file gets (make bench).
func TestBenchLine(t *testing.T) {
	plan := planBench(t)
	var rows []lineRow
	for _, line := range []struct {
		ms   time.Duration
		args []string
	}{
		{20, nil},
		{100, nil},
		{200, nil},
		{200, []string{"-o", "max_conns=2"}},
	} {
		for _, work := range []struct {
			name, script string
			direction    sftptest.Direction
		}{
			{"read", "dd if=big of=/dev/null bs=1M status=none", sftptest.Down},
			{"write", "dd if=$LOCAL/big of=new bs=1M status=none", sftptest.Up},
			{"write in pieces of 4 KiB", "dd if=$LOCAL/big of=new bs=4k status=none", sftptest.Up},
		} {
			if !plan.only.MatchString(work.name) {
				continue
			}
			row := measureLine(t, plan.big, line.ms*time.Millisecond, work.script, work.direction, line.args...)
			row.work = strings.Join(append([]string{work.name}, line.args...), " ")
			t.Logf("%+v", row)
			rows = append(rows, row)
		}
	}
	t.Log("\n" + lineTable(plan.big, rows))
	if plan.write {
		writeBetweenMarks(t, "line", lineTable(plan.big, rows))
	}
}

func measureLine(t *testing.T, size int64, delay time.Duration, script string, d sftptest.Direction, args ...string) lineRow {
	t.Helper()
	s, local := startSSHD(t), t.TempDir()
	link, port := farLine(t, s, delay)
	m := mountAs(t, newClient(t, s, userName(t, os.Getuid()), port), t.TempDir(), args...)
	writeBig(t, filepath.Join(local, "big"), size)
	writeBig(t, m.onServer("big"), size)

	row := lineRow{delay: delay}
	cmd, out := tool(t, m.dir, "bash", "-euc", "LOCAL="+local+"; "+script)
	before, start := link.Bytes(d), time.Now()
	require.NoError(t, cmd.Start())
	moved := func(of float64) bool { return float64(link.Bytes(d)-before) >= of*float64(size) }
	eventually(t, runPatience, func() bool { return moved(0.25) }, "a quarter of the file")
	from, at := link.Bytes(d), time.Now()
	eventually(t, runPatience, func() bool { return moved(0.9) }, "nine tenths of the file")
	row.steady = float64(link.Bytes(d)-from) / time.Since(at).Seconds()
	require.NoError(t, cmd.Wait(), "%s", out)
	row.whole = float64(size) / time.Since(start).Seconds()
	row.memory = peakMemory(t, m.process.Pid)
	shell(t, "/", fmt.Sprintf("test ! -e %[1]s || cmp %[2]s %[1]s", m.onServer("new"), m.onServer("big")))
	m.close()
	return row
}

func lineTable(size int64, rows []lineRow) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %d MiB, %d MB/s | steady | of the line | from open to close | memory |\n|---|---|---|---|---|\n",
		size>>20, benchRate/1_000_000)
	for _, r := range rows {
		fmt.Fprintf(&b, "| %d ms, %s | %.0f MB/s | %.0f %% | %.0f MB/s | %d MiB |\n", r.delay.Milliseconds(), r.work,
			r.steady/1e6, 100*r.steady/benchRate, r.whole/1e6, r.memory>>20)
	}
	return b.String()
}
