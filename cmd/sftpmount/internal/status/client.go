package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// answerTime is how long a mount may take to say how it is.
const answerTime = 3 * time.Second

// A Client asks the program that serves one mount.
type Client struct {
	socket string
	http   http.Client
}

func newClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &Client{socket: socket, http: http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// Report asks how the mount is.
func (c *Client) Report(ctx context.Context) (Report, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var report Report
	body, err := c.do(ctx, http.MethodGet, "/status")
	if err != nil {
		return report, err
	}
	defer func() { _ = body.Close() }()
	if err := json.NewDecoder(body).Decode(&report); err != nil {
		return report, fmt.Errorf("%s: its answer cannot be read: %w", c, err)
	}
	return report, nil
}

// ErrBusy says that files on a mount are in use.
var ErrBusy = errors.New("in use")

// Unmount unmounts and waits until all is sent. Meanwhile it calls tell with
// what is still to be sent. It returns the code that the program exited with.
func (c *Client) Unmount(ctx context.Context, tell func(Progress)) (Progress, error) {
	body, err := c.do(ctx, http.MethodPost, "/unmount")
	if err != nil {
		return Progress{}, err
	}
	defer func() { _ = body.Close() }()
	for lines := json.NewDecoder(body); ; {
		var p Progress
		if err := lines.Decode(&p); err != nil {
			return p, fmt.Errorf("%s ended before it said whether everything was sent: %w", c, err)
		}
		if p.Done {
			return p, nil
		}
		tell(p)
	}
}

func (c *Client) do(ctx context.Context, method, path string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://sftpmount"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%s does not answer", c)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", c, err)
	case response.StatusCode == http.StatusOK:
		return response.Body, nil
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	err = errors.New(strings.TrimSpace(string(text)))
	if response.StatusCode == http.StatusConflict {
		err = ErrBusy
	}
	return nil, err
}

// String names the process by its socket's name.
func (c *Client) String() string {
	return "process " + strings.TrimSuffix(filepath.Base(c.socket), ".sock")
}

// An Answer is what one of the user's mounts says, or why it says nothing.
type Answer struct {
	Client *Client
	Report Report
	Err    error
}

// gone reports whether the program has ended, having failed to answer with err,
// and clears away what it may have left. One that ends while it is asked takes its
// socket along.
func (c *Client) gone(err error) bool {
	if errors.Is(err, syscall.ECONNREFUSED) {
		_ = os.Remove(c.socket)
	}
	_, err = os.Lstat(c.socket)
	return errors.Is(err, os.ErrNotExist)
}

// All asks all mounts of the user, and clears away what is left of those that
// ended without that.
func All(ctx context.Context) []Answer {
	var sockets []string
	for _, dir := range folders() {
		if checkFolder(dir) == nil {
			found, _ := filepath.Glob(filepath.Join(dir, "*.sock"))
			sockets = append(sockets, found...)
		}
	}
	slices.Sort(sockets)
	answers := make([]Answer, len(slices.Compact(sockets)))
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			c := newClient(sockets[i])
			report, err := c.Report(ctx)
			answers[i] = Answer{c, report, err}
		})
	}
	wg.Wait()
	answers = slices.DeleteFunc(answers, func(a Answer) bool { return a.Err != nil && a.Client.gone(a.Err) })
	slices.SortStableFunc(answers, func(a, b Answer) int {
		return strings.Compare(a.Report.Mountpoint, b.Report.Mountpoint)
	})
	return answers
}
