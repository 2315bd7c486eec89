package sshdial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// errNoSSH says that there is no ssh program that could be asked.
var errNoSSH = errors.New("no ssh program with -G")

// askSSH asks the installed ssh program for the settings that it would use, and
// for those that are built into it.
func askSSH(ctx context.Context, opts Options) (set, builtin settings, err error) {
	name, args := "ssh", []string(nil)
	if len(opts.Command) > 0 && isOpenSSH(ctx, opts.Command[0]) {
		name, args = opts.Command[0], slices.Clone(opts.Command[1:])
	}
	ssh, err := exec.LookPath(name)
	if err != nil {
		return nil, nil, errNoSSH
	}
	if set, err = printSettings(ctx, ssh, opts.Host, append(args, opts.arguments()...)...); err != nil {
		if !isOpenSSH(ctx, ssh) {
			return nil, nil, errNoSSH
		}
		return nil, nil, blame(ctx, ssh, opts, err)
	}
	builtin, err = printSettings(ctx, ssh, opts.Host, "-F", "none")
	return set, builtin, err
}

// blame names the option for which ssh refused all of them with err, since ssh says
// only what is wrong with it. If none of them is wrong alone, it returns err.
func blame(ctx context.Context, ssh string, opts Options, err error) error {
	for _, o := range opts.Overrides {
		if _, alone := printSettings(ctx, ssh, opts.Host, "-F", "none", "-o", o); alone != nil {
			return &optionError{o, alone}
		}
	}
	return err
}

// printSettings runs ssh -G, which prints one "keyword value" a line.
func printSettings(ctx context.Context, ssh, host string, args ...string) (settings, error) {
	args = append(args, "-G", "--", host)
	cmd := exec.CommandContext(ctx, ssh, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.WaitDelay = time.Second // for what "Match exec" leaves running
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ssh -G %s: %s", host, reason(stderr.String(), err))
	}
	set := settings{}
	for line := range strings.Lines(string(out)) {
		keyword, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		set[keyword] = append(set[keyword], value)
	}
	return set, nil
}

// reason returns what a failed program said last, or how it ended.
func reason(stderr string, err error) string {
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return err.Error()
}

// isOpenSSH tells OpenSSH from Dropbear and others that are installed as ssh
// and know no -G.
func isOpenSSH(ctx context.Context, ssh string) bool {
	out, err := exec.CommandContext(ctx, ssh, "-V").CombinedOutput()
	return err == nil && bytes.HasPrefix(out, []byte("OpenSSH"))
}
