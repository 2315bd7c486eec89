package sshdial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
)

// The ssh program's questions. ssh starts this program anew as SSH_ASKPASS, with
// the question as its argument; that hands the question on to the process that
// started ssh, by a socket in a private folder, and prints the answer. So a
// secret is neither in arguments nor in the environment, and the program asks on
// the terminal, through SSH_ASKPASS of the user's, or not at all, as it does for
// its own logins.

// questionsVariable tells the program that ssh started where its starter
// listens.
const questionsVariable = "SFTPMOUNT_QUESTIONS"

// HandOnQuestion does what ssh started this process for, if it did: it hands
// the question in args on. It returns the code to exit with.
func HandOnQuestion(args []string) (code int, was bool) {
	socket, was := os.LookupEnv(questionsVariable)
	if !was {
		return 0, false
	}
	answer, err := handOn(socket, os.Getenv("SSH_ASKPASS_PROMPT"), strings.Join(args, " "))
	if err != nil {
		return 1, true // ssh takes that for a refusal
	}
	defer wipe(answer)
	if _, err := os.Stdout.Write(append(answer, '\n')); err != nil {
		return 1, true
	}
	return 0, true
}

func handOn(socket, kind, question string) ([]byte, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, kind+"\n"+question); err != nil {
		return nil, err
	}
	if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(conn, maxAnswer))
	if err != nil || len(answer) == 0 {
		return nil, errors.Join(errUnanswerable, err)
	}
	return answer[1:], nil // behind a byte that says that there is one
}

// questions listens for those of one login.
type questions struct {
	listener net.Listener
	dialog   *dialog
	asking   sync.WaitGroup
	mu       sync.Mutex // one question at a time
}

// listenForQuestions answers questions until ctx ends and close is called.
func listenForQuestions(ctx context.Context, socket string, dialog *dialog) (*questions, error) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	q := &questions{listener: listener, dialog: dialog}
	q.asking.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			q.asking.Go(func() { q.serve(ctx, conn) })
		}
	})
	return q, nil
}

// close waits for the answers that are under way.
func (q *questions) close() {
	_ = q.listener.Close()
	q.asking.Wait()
}

// environment is that of an ssh program whose questions come here. Its
// descendants, such as the ssh that reaches a jump host, ask here as well.
func (q *questions) environment() []string {
	return append(os.Environ(),
		// By this name the program is found though it was replaced.
		fmt.Sprintf("SSH_ASKPASS=/proc/%d/exe", os.Getpid()),
		"SSH_ASKPASS_REQUIRE=force",
		questionsVariable+"="+q.listener.Addr().String())
}

// maxQuestion bounds what is read, in bytes.
const maxQuestion = 64 << 10

func (q *questions) serve(ctx context.Context, conn net.Conn) {
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	text, err := io.ReadAll(io.LimitReader(conn, maxQuestion))
	if err != nil {
		return
	}
	kind, question, _ := strings.Cut(string(text), "\n")
	if kind == "none" {
		// Not a question: ssh ends its program when it is settled.
		q.dialog.tell(question)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	answer, err := q.dialog.answer(ctx, question)
	if err != nil {
		return
	}
	reply := append([]byte{'+'}, answer...)
	_, _ = conn.Write(reply)
	wipe(reply)
	wipe(answer)
}

// answers are what one login leaves for the next.
type answers struct {
	password password          // the one that was given
	kept     map[string][]byte // passwords, passphrases and PINs that served, by question

	// oneTime says that the login took answers that cannot be given again,
	// such as a one-time code.
	oneTime bool
}

func (a *answers) hasAnswers() bool { return a.password.value != nil || len(a.kept) > 0 }

func (a *answers) forget() {
	a.password.forget()
	for question, answer := range a.kept {
		wipe(answer)
		delete(a.kept, question)
	}
}

// dialog is the questions and answers of one login.
type dialog struct {
	way *programWay

	mu      sync.Mutex
	dog     *watchdog
	used    map[string]bool   // questions answered from memory
	typed   map[string][]byte // answers that can be given again, by question
	oneTime bool
	failed  chan struct{} // closed once err is set
	err     error         // why the login is to be given up
}

func newDialog(way *programWay) *dialog {
	return &dialog{way: way, used: map[string]bool{}, typed: map[string][]byte{}, failed: make(chan struct{})}
}

func (d *dialog) setWatchdog(dog *watchdog) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dog = dog
}

// fail gives the login up, for the first reason err. It needs d.mu.
func (d *dialog) fail(err error) {
	if d.err == nil {
		d.err = permanent(err)
		close(d.failed)
	}
}

// tell shows what ssh only wants to be known, such as that a token waits for a
// touch.
func (d *dialog) tell(text string) { d.way.log.Warn(printable(text)) }

// answer returns an answer, which the caller wipes. Where there is none, the
// login is given up, unless it can go on with another key: ssh would send an
// empty answer.
func (d *dialog) answer(ctx context.Context, question string) ([]byte, error) {
	isChoice := strings.Contains(question, "(yes/no")
	d.mu.Lock()
	dog := d.dog
	stored, mayAsk := d.stored(question)
	if stored != nil {
		d.mu.Unlock()
		return stored, nil
	}
	if !mayAsk || d.way.prompter == nil {
		d.refuse(question, mayAsk, isChoice)
		d.mu.Unlock()
		return nil, ErrNoPrompt
	}
	d.mu.Unlock()
	if dog != nil {
		dog.pause()
		defer dog.resume()
	}
	answer, err := d.way.prompter.Prompt(ctx, printable(question), isChoice)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case errors.Is(err, ErrNoPrompt):
		d.refuse(question, true, isChoice)
	case err != nil:
		d.fail(err)
	case canRepeat(question):
		wipe(d.typed[question])
		d.typed[question] = bytes.Clone(answer)
	case !isChoice:
		d.oneTime = true
	}
	return answer, err
}

// refuse says why a question has no answer. It needs d.mu.
func (d *dialog) refuse(question string, mayAsk, isChoice bool) {
	switch {
	case isPassphrase(question): // ssh goes on without the key
	case !mayAsk:
		d.fail(&programError{"the password was refused", CauseLogin})
	case isChoice:
		d.fail(&programError{"the host key is not known, and there is no terminal to ask on; connect once with ssh", CauseHostKey})
	default:
		d.fail(&programError{fmt.Sprintf("it asks %q, and nobody can be asked", strings.TrimSpace(printable(question))), CauseLogin})
	}
}

// stored returns a copy of what is known to answer question, once, and whether
// the user may be asked instead. It needs d.mu.
func (d *dialog) stored(question string) (answer []byte, mayAsk bool) {
	memory := &d.way.memory
	again := d.used[question]
	d.used[question] = true
	switch {
	case memory.password.given && asksForPassword(question) && d.way.isOurs(question):
		if again || memory.password.value == nil {
			return nil, false
		}
		return bytes.Clone(memory.password.value), false
	case memory.kept[question] != nil && !again:
		return bytes.Clone(memory.kept[question]), true
	}
	return nil, true
}

// isOurs tells a question of the server from one of a jump host, where it names
// either.
func (w *programWay) isOurs(question string) bool {
	return !strings.Contains(question, "@") || strings.Contains(question, w.cfg.User+"@"+w.cfg.HostName) ||
		strings.Contains(question, w.cfg.User+"@"+w.cfg.Host)
}

// canRepeat reports whether the answer will be the same the next time.
func canRepeat(question string) bool {
	return asksForPassword(question) || isPassphrase(question) || isPIN(question)
}

func isPassphrase(question string) bool { return strings.Contains(question, "passphrase") }

// isPIN is for a PIN that unlocks a token here. Servers' questions have their host
// before them.
func isPIN(question string) bool { return strings.HasPrefix(question, "Enter PIN for ") }

// settle keeps for the next login what was of use, and forgets the rest. Where a
// login was refused, nothing that it used is tried again.
func (d *dialog) settle(keep, served bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	memory := &d.way.memory
	if !keep {
		memory.forget()
	}
	for question, answer := range d.typed {
		if served {
			memory.kept[question] = answer
		} else {
			wipe(answer)
		}
	}
	memory.oneTime = memory.oneTime || served && d.oneTime
}
