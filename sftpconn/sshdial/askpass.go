package sshdial

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// defaultAskpass is where distributions put the program that SSH_ASKPASS would
// name.
const defaultAskpass = "/usr/bin/ssh-askpass"

// askpassProgram returns the program that asks in place of the terminal, or ""
// if none may: it needs a display, unless SSH_ASKPASS_REQUIRE is "force".
func askpassProgram() string {
	switch strings.ToLower(os.Getenv("SSH_ASKPASS_REQUIRE")) {
	case "never":
		return ""
	case "force":
	default:
		if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
			return ""
		}
	}
	if program := os.Getenv("SSH_ASKPASS"); program != "" {
		return program
	}
	if _, err := os.Stat(defaultAskpass); err == nil {
		return defaultAskpass
	}
	return ""
}

// askpassFirst reports whether the program is to be preferred to a terminal.
func askpassFirst() bool {
	switch strings.ToLower(os.Getenv("SSH_ASKPASS_REQUIRE")) {
	case "force", "prefer":
		return true
	}
	return false
}

// askpass asks through program: the question is its argument, the first line
// that it prints is the answer.
func askpass(ctx context.Context, program, question string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, program, question)
	var out bytes.Buffer
	cmd.Stdout = &out
	cmd.Stderr = os.Stderr
	cmd.WaitDelay = time.Second // for what it leaves running
	err := cmd.Run()
	defer func() { wipe(out.Bytes()[:out.Len()]) }()
	if is[*exec.ExitError](err) {
		return nil, ErrInterrupted // the dialogue was cancelled
	}
	if err != nil {
		return nil, fmt.Errorf("SSH_ASKPASS: %w", err)
	}
	return readLine(bytes.NewReader(out.Bytes()))
}
