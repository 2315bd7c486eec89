package sshdial

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// programWay reaches the server by an ssh program.
//
// OpenSSH's carries several channels: the first one is the program that holds
// the connection, a control master whose socket is in a private folder, and
// each further one is a program that uses it. It is started in a session of its
// own, where keys typed at the terminal do not reach it, and asks its questions
// through this program. Other programs carry one channel and ask on the
// terminal themselves.
type programWay struct {
	cfg       Config
	command   []string // the program with the user's arguments for it
	options   []string // the user's options, as arguments
	subsystem string
	log       *slog.Logger
	start     startDir

	// mu is held for the whole of a Dial: there is never a second one.
	mu       sync.Mutex
	prompter Prompter // nil after the first Dial
	dialled  bool
	memory   answers
}

// newProgramWay takes of opts all but Host.
func newProgramWay(cfg Config, opts Options) *programWay {
	w := &programWay{
		cfg: cfg, command: slices.Clone(opts.Command), options: opts.arguments(), subsystem: opts.subsystem(),
		log:      opts.logger().With("host", cfg.Host),
		start:    openStartDir(),
		prompter: cfg.prompter(opts),
		memory:   answers{password: givenPassword(opts.Password), kept: map[string][]byte{}},
	}
	if len(w.command) == 0 {
		w.command = []string{"ssh"}
	}
	if strings.Contains(w.command[0], "/") {
		w.command[0] = absolute(w.command[0])
	}
	return w
}

// absolute keeps a path valid when the current directory changes.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// Dial implements [Way].
func (w *programWay) Dial(ctx context.Context) (Transport, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.prompter, w.dialled = nil, true }()
	if !w.cfg.openSSH {
		return w.dialPlain()
	}
	if w.dialled && w.memory.oneTime {
		return nil, permanent(errNeedsUser)
	}
	dir, err := newControlDir()
	if err != nil {
		return nil, err
	}
	conn, err := w.dialMaster(ctx, dir)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	return conn, nil
}

// Close implements [Way].
func (w *programWay) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.memory.forget()
	w.start.close()
	return nil
}

// fixedOptions keep ssh_config's other uses of a connection out of this one, as
// sshfs does.
var fixedOptions = []string{"-x", "-a", "-oClearAllForwardings=yes"}

// masterArguments are those of the program that holds the connection.
func (w *programWay) masterArguments(socket string) []string {
	args := append([]string{}, w.command[1:]...)
	args = append(args, fixedOptions...)
	args = append(args, "-T", "-M", "-S", socket, "-oControlPersist=no", "-oRemoteCommand=none", "-oPermitLocalCommand=no")
	switch {
	case w.dialled && !w.memory.hasAnswers():
		args = append(args, "-oBatchMode=yes")
	case w.dialled, w.memory.password.given:
		args = append(args, "-oNumberOfPasswordPrompts=1")
	}
	args = append(args, w.options...)
	// The first value counts: these hold where nobody set another.
	args = append(args, fmt.Sprintf("-oConnectTimeout=%d", int(max(w.cfg.ConnectTimeout, time.Second).Seconds())))
	if w.cfg.ServerAliveInterval == 0 {
		args = append(args, "-oServerAliveInterval=5", "-oServerAliveCountMax=3")
	}
	return w.addServer(args)
}

// channelArguments are those of a program that uses the connection. It must not
// make one of its own where the server allows no further session.
func (w *programWay) channelArguments(socket string) []string {
	args := append([]string{"-F", "none", "-T", "-S", socket}, fixedOptions...)
	args = append(args, "-oBatchMode=yes", "-oProxyCommand=false")
	return w.addServer(args)
}

// addServer says where to go, and what to start there.
func (w *programWay) addServer(args []string) []string {
	if !isCommand(w.subsystem) {
		args = append(args, "-s")
	}
	return append(args, "--", w.cfg.Host, w.subsystem)
}

// run starts cmd, which is the program.
func (w *programWay) run(cmd *exec.Cmd) (*process, error) {
	p, err := startProcess(cmd, w.log.With("program", w.command[0]))
	if err != nil {
		return nil, permanent(err)
	}
	p.explain = explainProgram
	return p, nil
}

// dialMaster starts the program and returns when it has logged in, which shows
// in its control socket.
func (w *programWay) dialMaster(ctx context.Context, dir string) (*controlConn, error) {
	// The program asks until it is logged in, and nothing after that.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dialog := newDialog(w)
	questions, err := listenForQuestions(ctx, filepath.Join(dir, "ask"), dialog)
	if err != nil {
		return nil, err
	}
	defer questions.close()

	socket := filepath.Join(dir, "control")
	cmd := exec.Command(w.command[0], w.masterArguments(socket)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Env = questions.environment()
	master, err := w.run(w.start.of(cmd))
	if err != nil {
		return nil, err
	}
	err = w.awaitLogin(ctx, master, socket, dialog)
	if err != nil {
		_ = master.Close()
		dialog.settle(CauseOf(err) != CauseLogin, false)
		return nil, err
	}
	dialog.settle(true, true)
	w.log.Debug("connected", "program", cmd.Path, "control", socket)
	return &controlConn{way: w, master: master, dir: dir, socket: socket}, nil
}

// loginTick is how often the control socket is looked for.
const loginTick = 10 * time.Millisecond

func (w *programWay) awaitLogin(ctx context.Context, master *process, socket string, dialog *dialog) error {
	silent := make(chan struct{})
	dog := newWatchdog(w.cfg.ConnectTimeout+minAuthTimeout, func() { close(silent) })
	defer dog.stop()
	dialog.setWatchdog(dog)
	ticker := time.NewTicker(loginTick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-silent:
			return fmt.Errorf("%s does not answer: %w", w.cfg.HostName, errSilent)
		case <-dialog.failed:
			return dialog.err
		case <-master.ended:
			return master.failure()
		case <-ticker.C:
			if _, err := os.Stat(socket); err == nil {
				return nil
			}
		}
	}
}

// dialPlain starts a program of which nothing is known but that it speaks SFTP.
// After the first time it has no terminal to ask on.
func (w *programWay) dialPlain() (Transport, error) {
	if w.memory.password.given {
		return nil, permanent(fmt.Errorf("a password from standard input works with OpenSSH's ssh alone, and %s is something else", w.command[0]))
	}
	if _, err := exec.LookPath(w.command[0]); err != nil {
		return nil, permanent(err)
	}
	args := append([]string{}, w.command[1:]...)
	args = append(args, fixedOptions...)
	if w.dialled {
		args = append(args, "-oBatchMode=yes")
	}
	args = append(append(args, w.options...), w.cfg.Host)
	if !isCommand(w.subsystem) {
		args = append(args, "-s") // in the order of sshfs, which programs may rely on
	}
	args = append(args, w.subsystem)
	cmd := exec.Command(w.command[0], args...)
	if w.dialled {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	} else {
		cmd = deafToTerminal(cmd.Args)
	}
	p, err := w.run(w.start.of(cmd))
	if err != nil {
		return nil, err
	}
	return &stream{conn: p}, nil
}

// errNeedsUser says that a login cannot be repeated.
var errNeedsUser = errors.New("the login needs the user and is not repeated without; mount again")

// newControlDir makes a folder that nobody else can enter, whose path leaves
// room for that of a socket (sun_path in unix(7)). ssh makes it under a name that
// is longer by 17 bytes.
func newControlDir() (string, error) {
	const room = 107 - 17 - len("/control")
	var tooLong error
	for _, base := range []string{os.TempDir(), os.Getenv("XDG_RUNTIME_DIR"), "/tmp"} {
		if base == "" {
			continue
		}
		dir, err := os.MkdirTemp(base, "sftpmount-")
		if err != nil {
			return "", err
		}
		if len(dir) <= room {
			return dir, nil
		}
		tooLong = fmt.Errorf("no room for a socket's path in %s: set TMPDIR to a shorter one", dir)
		_ = os.Remove(dir)
	}
	return "", tooLong
}
