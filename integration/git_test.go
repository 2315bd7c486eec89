package integration

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// makeRepository makes a repository with some history, and returns its path.
func makeRepository(t *testing.T) string {
	t.Helper()
	dir := makeTree(t, 10, 6)
	shell(t, dir, `
		git init -q -b main .
		git add .
		git commit -qm first
		for i in 1 2 3 4 5; do
			echo change $i | tee -a 'folder 0/file0' "folder 0/new$i"
			git add .
			git commit -qm "change $i"
		done
		git tag -a -m 'a tag' v1`)
	return dir
}

func TestGitClone(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	repository := makeRepository(t)
	run(t, m.dir, "git", "clone", "-q", "--no-local", repository, "clone")
	assert.Empty(t, run(t, m.path("clone"), "git", "status", "--porcelain"))
	run(t, m.path("clone"), "git", "fsck", "--strict")

	// The server, which has none of the mount's caches, agrees.
	assert.Empty(t, run(t, m.onServer("clone"), "git", "status", "--porcelain"))
	run(t, m.onServer("clone"), "git", "fsck", "--strict")
	sameContent(t, m.onServer("clone"), m.path("clone"))
}

func TestGitWork(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	run(t, m.dir, "git", "clone", "-q", makeRepository(t), "clone")
	shell(t, m.path("clone"), `
		git checkout -qb topic
		echo more >> 'folder 5/file0'
		mkdir added
		echo new > added/file
		git add .
		git commit -qm topic
		git checkout -q main
		test ! -e added
		git merge -q --no-ff -m merge topic
		test -e added/file
		git mv 'folder 5' moved
		git stash -q
		git stash pop -q
		git commit -qam moved
		git rebase -q HEAD~1
		git gc -q --prune=now
		git fsck --strict
		test -z "$(git status --porcelain)"
		git worktree add -q ../tree topic
		git push -q . HEAD:pushed`)
	assert.Empty(t, run(t, m.onServer("clone"), "git", "status", "--porcelain"))
	run(t, m.onServer("clone"), "git", "fsck", "--strict")
}

// A repository on the mount serves others, too.
func TestGitServe(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	repository := makeRepository(t)
	run(t, m.dir, "git", "init", "-q", "--bare", "bare.git")
	run(t, repository, "git", "push", "-q", "--tags", m.path("bare.git"), "main")
	clone := t.TempDir() + "/clone"
	run(t, "/", "git", "clone", "-q", "-b", "main", m.path("bare.git"), clone)
	assert.Equal(t, run(t, repository, "git", "rev-parse", "HEAD"), run(t, clone, "git", "rev-parse", "HEAD"))
	run(t, m.onServer("bare.git"), "git", "fsck", "--strict")
}
