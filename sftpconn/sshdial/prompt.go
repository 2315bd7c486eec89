package sshdial

import (
	"context"
	"errors"
	"strings"
	"unicode"
)

// Prompter asks the user.
type Prompter interface {
	// Prompt shows the question and returns the line that was typed, without
	// its end. With echo, the answer may be seen while it is typed. The
	// answer belongs to the caller, who wipes it.
	//
	// It returns [ErrNoPrompt] if there is no way to ask, [ErrInterrupted]
	// if the user broke off, and ctx's error when that ends.
	Prompt(ctx context.Context, question string, echo bool) ([]byte, error)
}

var (
	// ErrNoPrompt says that nobody can be asked.
	ErrNoPrompt = errors.New("no terminal to ask on, and no SSH_ASKPASS program")

	// ErrInterrupted says that the user broke off a question.
	ErrInterrupted = errors.New("interrupted")
)

// printable makes a text from the server fit to be shown on a terminal, where
// control characters could forge what else is read there.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.ReplaceAll(text, "\r\n", "\n"))
}

// wipe overwrites a secret that has served its purpose.
func wipe(secret []byte) {
	clear(secret)
}
