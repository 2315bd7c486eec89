package integration

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func init() { helpers["hold"] = holdFile }

// heldFile is a file that a process of its own has open for a test.
//
// A test must not have a file open itself that has something to send while its
// link is down. Each program that a test starts begins as a copy of this process,
// with all its open files, and closes them before it becomes that program. Closing
// waits for the link, so no test could start a program meanwhile.
type heldFile struct {
	process  *exec.Cmd
	requests *gob.Encoder
	replies  *gob.Decoder
}

// A holdRequest asks for one operation on the file.
type holdRequest struct {
	Operation string
	Data      []byte // to write, or as long as what to read
	Offset    int64
}

type holdReply struct {
	Data  []byte
	Errno syscall.Errno
	Error string // of any other error
}

// hold opens a file until the end of the test, at the latest.
func hold(t testing.TB, path string, flags int) *heldFile {
	t.Helper()
	f := &heldFile{process: helper(t, "hold", path, strconv.Itoa(flags))}
	f.process.Stderr = os.Stderr
	stdin, err := f.process.StdinPipe()
	require.NoError(t, err)
	stdout, err := f.process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, f.process.Start())
	t.Cleanup(f.kill)
	f.requests, f.replies = gob.NewEncoder(stdin), gob.NewDecoder(stdout)
	_, err = f.reply()
	require.NoError(t, err)
	return f
}

// kill ends the process, which takes the error of its close along.
func (f *heldFile) kill() {
	if f.process.ProcessState == nil {
		_ = f.process.Process.Kill()
		_ = f.process.Wait()
	}
}

func (f *heldFile) Write(p []byte) (int, error) {
	_, err := f.do(holdRequest{Operation: "write", Data: p})
	return len(p), err
}

func (f *heldFile) WriteAt(p []byte, off int64) (int, error) {
	_, err := f.do(holdRequest{Operation: "write at", Data: p, Offset: off})
	return len(p), err
}

func (f *heldFile) ReadAt(p []byte, off int64) (int, error) {
	data, err := f.do(holdRequest{Operation: "read at", Data: p, Offset: off})
	return copy(p, data), err
}

func (f *heldFile) Sync() error {
	_, err := f.do(holdRequest{Operation: "sync"})
	return err
}

func (f *heldFile) Close() error {
	_, err := f.do(holdRequest{Operation: "close"})
	return err
}

// do has the process do an operation, one at a time.
func (f *heldFile) do(r holdRequest) ([]byte, error) {
	if err := f.requests.Encode(r); err != nil {
		return nil, fmt.Errorf("ask the process that holds the file: %w", err)
	}
	return f.reply()
}

func (f *heldFile) reply() ([]byte, error) {
	var r holdReply
	if err := f.replies.Decode(&r); err != nil {
		return nil, fmt.Errorf("the process that holds the file: %w", err)
	}
	switch {
	case r.Errno != 0:
		return r.Data, r.Errno
	case r.Error != "":
		return r.Data, errors.New(r.Error)
	}
	return r.Data, nil
}

// holdFile is the helper: it opens a file and does what it is asked to, until it
// is asked no more.
func holdFile(args []string) error {
	flags, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	requests, replies := gob.NewDecoder(os.Stdin), gob.NewEncoder(os.Stdout)
	f, err := os.OpenFile(args[0], flags, 0o644)
	var r holdRequest
	for {
		reply := holdReply{Data: r.Data}
		if err != nil && !errors.As(err, &reply.Errno) {
			reply.Error = err.Error()
		}
		if err := replies.Encode(reply); err != nil {
			return err
		}
		r = holdRequest{}
		if err := requests.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		r.Data, err = r.carryOut(f)
	}
}

// carryOut does one operation on the file, and returns what was read.
func (r holdRequest) carryOut(f *os.File) ([]byte, error) {
	switch r.Operation {
	case "write":
		_, err := f.Write(r.Data)
		return nil, err
	case "write at":
		_, err := f.WriteAt(r.Data, r.Offset)
		return nil, err
	case "read at":
		n, err := f.ReadAt(r.Data, r.Offset)
		return r.Data[:n], err
	case "sync":
		return nil, f.Sync()
	case "close":
		return nil, f.Close()
	}
	return nil, fmt.Errorf("no such operation: %q", r.Operation)
}
