package integration

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSqlite(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	for _, journal := range []string{"delete", "truncate", "persist", "memory", "off"} {
		t.Run(journal, func(t *testing.T) {
			database := journal + ".db"
			run(t, m.dir, "sqlite3", database, "pragma journal_mode="+journal+`;
				create table t (id integer primary key, text);
				with recursive n(i) as (select 1 union all select i+1 from n where i < 3000)
				insert into t select i, hex(randomblob(100)) from n;
				create index x on t (text);
				begin; delete from t where id % 3 = 0; commit;
				begin; update t set text = 'new' where id % 7 = 0; commit;
				vacuum;`)
			const check = "pragma integrity_check; select count(*), sum(id) from t;"
			want := run(t, m.dir, "sqlite3", database, check)
			assert.Equal(t, "ok\n2000|3000000\n", want)
			assert.Equal(t, want, run(t, m.remote, "sqlite3", database, check))
		})
	}
}

// insertAtOnce has three programs insert the numbers up to last into a table.
func insertAtOnce(t *testing.T, m *mount, database string, last int) {
	t.Helper()
	shell(t, m.dir, fmt.Sprintf("database=%s last=%d\n", database, last)+`
		jobs=()
		for writer in 1 2 3; do
			for i in $(seq $last); do echo "insert into t values ($i);"; done | sqlite3 -cmd '.timeout 60000' $database &
			jobs+=($!)
		done
		for job in "${jobs[@]}"; do wait $job; done`)
}

// Write-ahead logging needs shared memory, which a FUSE mount has among the
// programs of one machine.
func TestSqliteWriteAheadLog(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	run(t, m.dir, "sqlite3", "wal.db", "pragma journal_mode=wal; create table t (n);")
	insertAtOnce(t, m, "wal.db", 20)
	assert.Equal(t, "ok\n60|630\n", run(t, m.dir, "sqlite3", "wal.db", "pragma integrity_check; select count(*), sum(n) from t;"))
	run(t, m.dir, "sqlite3", "wal.db", "pragma wal_checkpoint(truncate); pragma journal_mode=delete;")
	assert.Equal(t, "ok\n60\n", run(t, m.remote, "sqlite3", "wal.db", "pragma integrity_check; select count(*) from t;"))
}

// Writers of one database wait for each other by the mount's own locks.
func TestSqliteWriters(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	run(t, m.dir, "sqlite3", "shared.db", "create table t (n);")
	insertAtOnce(t, m, "shared.db", 10)
	assert.Equal(t, "ok\n30\n", run(t, m.remote, "sqlite3", "shared.db", "pragma integrity_check; select count(*) from t;"))
}
