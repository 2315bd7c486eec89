package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// completionDir is where the scripts for shells are.
const completionDir = "../cmd/sftpmount/dist/completions"

// What a shell offers after a line, where the directory of the test holds the
// folder sub. A shell replaces what comes after the last ":" or "=" only, or the
// whole word.
var completions = []struct{ line, bash, fish string }{
	{"sftpmount -o ro,dir_cache=", "yes no", "ro,dir_cache=no ro,dir_cache=yes"},
	{"sftpmount -o reconnect_t", "reconnect_timeout=", "reconnect_timeout="},
	{"sftpmount host: su", "sub", "sub/"},
	{"sftpmount vers", "version", "version"},
	{"sftpmount -F /etc/fst", "/etc/fstab", "/etc/fstab"},
}

func TestBashCompletion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	script, err := filepath.Abs(filepath.Join(completionDir, "sftpmount.bash"))
	require.NoError(t, err)
	for _, c := range completions {
		cmd, out := tool(t, dir, "bash", "-uc", `compopt() { :; }; . "$0" && COMP_LINE=$1 COMP_POINT=${#1} && _sftpmount && echo "${COMPREPLY[@]}"`, script, c.line)
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(*program)+":"+os.Getenv("PATH"))
		require.NoError(t, cmd.Run(), "%s: %s", c.line, out)
		assert.Equal(t, c.bash, strings.TrimSpace(out.String()), c.line)
	}
}

func TestFishCompletion(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("fish"); err != nil {
		t.Skip("no fish here")
	}
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	script, err := filepath.Abs(filepath.Join(completionDir, "sftpmount.fish"))
	require.NoError(t, err)
	for _, c := range completions {
		cmd, out := tool(t, dir, "fish", "--no-config", "-c", "source "+script+"; complete -C '"+c.line+"'")
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(*program)+":"+os.Getenv("PATH"))
		require.NoError(t, cmd.Run(), "%s: %s", c.line, out)
		var got []string
		for line := range strings.Lines(out.String()) {
			word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			got = append(got, word)
		}
		assert.Equal(t, c.fish, strings.Join(got, " "), c.line)
	}
}

// zsh completes only at a terminal, which this gives it (zsh/zpty).
func TestZshCompletion(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("zsh"); err != nil {
		t.Skip("no zsh here")
	}
	functions, err := filepath.Abs(completionDir)
	require.NoError(t, err)
	cmd, out := tool(t, t.TempDir(), "zsh", "-fc", `
		zmodload zsh/zpty
		zpty -b shell zsh -fi
		tell() { zpty -w shell "$1"; }
		tell "PS1=; fpath=($0 \$fpath); autoload -U compinit; compinit -u -D; bindkey '^I' complete-word"
		tell 'show() { print -r -- "GOT:$BUFFER"; }; zle -N show; bindkey ^G show; echo ready'
		while zpty -r shell line; [[ $line != *$'\n'* || $line != *ready* ]]; do sleep 0.01; done
		zpty -n -w shell $'sftpmount host: /mnt -o dir_c\t'
		repeat 500; do
			zpty -n -w shell $'\a'
			zpty -r -t shell line && text+=$line
			[[ $text == *'GOT:sftpmount host: /mnt -o dir_cache='* ]] && zpty -d shell && exit
			sleep 0.02
		done
		print -r - $text; exit 1`, functions)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(*program)+":"+os.Getenv("PATH"), "TERM=vt100")
	require.NoError(t, cmd.Run(), "%s", out)
	eventually(t, 30*time.Second, func() bool {
		return !slices.ContainsFunc(children(os.Getpid()), func(pid int) bool { return processName(pid) == "zsh" && running(pid) })
	}, "the end of the shell on the terminal")
}
