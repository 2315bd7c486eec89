package integration

// workload is something that people do on a mount, as a script.
//
// Its variables: DATA is the mounted directory on the server, LOCAL a directory
// beside the mount with the same big file and a sources.tar, SCRATCH an empty one,
// and SSH runs a command on the server over a connection that stands.
type workload struct {
	name    string
	prepare string // before each run, in $DATA
	run     string // in the mount; all clients must print the same
	bound   string // the same work by way of $SSH; empty: run, on the server
	check   string // after each run, in $DATA; must succeed
	bytes   bool   // of the big file are moved: a rate is shown
	share   int64  // of the big file that is moved, one in so many; 0: all
	printed bool   // run prints how many operations it made in a second
}

const fio = `fio --name=read --filename=big --rw=randread --bs=4k --numjobs=4 --time_based --runtime=4 --group_reporting --minimal | cut -d\; -f8`

var workloads = []workload{
	{name: "read a big file", bytes: true,
		run:   "dd if=big of=/dev/null bs=1M status=none",
		bound: `$SSH "cat $DATA/big" >/dev/null`},
	{name: "write a big file", bytes: true,
		run:   "dd if=$LOCAL/big of=new bs=1M status=none",
		bound: `$SSH "cat >$DATA/new" <$LOCAL/big`,
		check: "cmp $LOCAL/big new && rm new"},
	{name: "write in pieces of 4 KiB", bytes: true, share: 16,
		run:   "dd if=$LOCAL/part of=new bs=4k status=none",
		bound: `$SSH "cat >$DATA/new" <$LOCAL/part`,
		check: "cmp $LOCAL/part new && rm new"},
	{name: "copy within the mount", bytes: true, share: 4,
		prepare: "head -c $(stat -c %s $LOCAL/quarter) big >quarter",
		run:     "cp quarter new",
		check:   "cmp quarter new && rm new quarter"},
	{name: "random reads of 4 KiB", printed: true, run: fio},
	{name: "ls -l of 10,000 files", run: "ls -l many | wc -l"},
	{name: "find", run: "find tree | wc -l"},
	{name: "du", run: "du -s --apparent-size tree | cut -f1"},
	{name: "grep -r", run: "grep -r nowhere tree || true",
		bound: `$SSH "grep -r nowhere $DATA/tree || true"`},
	{name: "git status", run: "git --no-optional-locks -C repository status --porcelain"},
	{name: "cp -r out of the mount",
		run:   "cp -r sources $SCRATCH",
		bound: `$SSH "tar c -C $DATA sources" | tar x -C $SCRATCH`,
		check: "diff -r sources $SCRATCH/sources"},
	{name: "untar into the mount",
		run:   "tar x -f $LOCAL/sources.tar",
		bound: `$SSH "tar x -C $DATA" <$LOCAL/sources.tar`,
		check: "diff -r sources new && rm -r new"},
	{name: "rm -rf", prepare: "cp -r sources new",
		run:   "rm -rf new",
		check: "! test -e new"},
}

// material makes what the workloads need, in $DATA: a tree of 171 folders and
// 400 small files, sources of 170 files in 20 folders, a repository of 400 files,
// 10,000 files in one folder.
const material = `
mkdir tree sources many repository
for i in $(seq 10); do
	mkdir tree/$i
	for j in $(seq 16); do mkdir tree/$i/$j; done
done
dirs=(tree $(find tree -mindepth 1 -type d | sort))
for i in $(seq 400); do
	head -c $((i * 37)) $LOCAL/big | base64 >${dirs[$((i % ${#dirs[@]}))]}/file$i
done
for i in $(seq 20); do
	mkdir sources/$i
	for j in $(seq $((8 + i % 2))); do
		head -c $((i * j * 97)) $LOCAL/big | base64 >sources/$i/file$j
	done
done
for i in $(seq 40); do
	mkdir repository/$i
	for j in $(seq 10); do echo "file $i $j" >repository/$i/$j; done
done
git -C repository init -q
git -C repository add .
git -C repository commit -q -m all
(cd many && seq -f "file%06.0f" 10000 | xargs touch)
find . -exec touch -h -d "2 days ago" {} +
tar c --transform 's,^sources,new,' sources >$LOCAL/sources.tar
`
