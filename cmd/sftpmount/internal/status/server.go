package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Mount is what a Server tells of. Its methods must never wait for the server
// that the mount leads to, except Unmount.
type Mount interface {
	Report() Report

	// Progress says what is still to be sent.
	Progress() Progress

	// Unmount unmounts, and fails if the mount is in use. What was written
	// may still be unsent when it returns.
	Unmount() error
}

// Server answers questions about one mount.
type Server struct {
	mount    Mount
	http     http.Server
	serving  sync.WaitGroup // http
	keeping  sync.WaitGroup // keep
	listener net.Listener   // keep's, until that has ended

	finished chan struct{} // closed when last is known
	last     Progress
}

// keepEvery is how often the socket is looked for.
const keepEvery = 10 * time.Second

// Serve listens on a new socket in a folder of the user.
func Serve(mount Mount) (*Server, error) { return serve(mount, keepEvery) }

func serve(mount Mount, keepEvery time.Duration) (*Server, error) {
	listener, err := listen(folders())
	if err != nil {
		return nil, err
	}
	s := &Server{mount: mount, finished: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", s.status)
	mux.HandleFunc("POST /unmount", s.unmount)
	s.http = http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	s.answer(listener)
	s.keeping.Go(func() { s.keep(keepEvery) })
	return s, nil
}

func (s *Server) answer(listener net.Listener) {
	s.listener = listener
	s.serving.Go(func() { _ = s.http.Serve(listener) })
}

// keep makes the socket anew when it is gone: the folder XDG_RUNTIME_DIR is
// removed when its user has logged out, and made again at the next login.
func (s *Server) keep(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-s.finished:
			return
		case <-ticker.C:
		}
		if _, err := os.Lstat(s.listener.Addr().String()); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		_ = s.listener.Close()
		if listener, err := listen(folders()); err == nil {
			s.answer(listener)
		} // else the next round tries again
	}
}

// listen makes the socket, whose name is the number of the process. Another
// mount that ends may take the empty folder away meanwhile, so it tries again.
func listen(folders []string) (net.Listener, error) {
	for try := 0; ; try++ {
		dir, err := makeFolder(folders)
		if err != nil {
			return nil, err
		}
		path := filepath.Join(dir, fmt.Sprintf("%d.sock", os.Getpid()))
		// Whoever had this number before is gone.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		listener, err := net.Listen("unix", path)
		if err == nil {
			return listener, os.Chmod(path, 0o600)
		}
		if try == 3 || !errors.Is(err, syscall.ENOENT) {
			return nil, err
		}
	}
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.mount.Report()) // whoever asked may be gone
}

// progressEvery is how often an unmount says how far it is.
const progressEvery = 200 * time.Millisecond

// unmount unmounts, and then tells what is still to be sent until the program
// is about to exit.
func (s *Server) unmount(w http.ResponseWriter, r *http.Request) {
	if err := s.mount.Unmount(); err != nil {
		code := http.StatusInternalServerError
		if errors.Is(err, syscall.EBUSY) {
			code = http.StatusConflict
		}
		http.Error(w, err.Error(), code)
		return
	}
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	lines := json.NewEncoder(w)
	for {
		if lines.Encode(s.mount.Progress()) != nil || http.NewResponseController(w).Flush() != nil {
			return
		}
		select {
		case <-ticker.C:
		case <-r.Context().Done():
			return
		case <-s.finished:
			_ = lines.Encode(s.last)
			return
		}
	}
}

// Close tells those who wait for the unmount how it ended: the code that the
// program exits with, and why if that is not 0. It removes the socket.
func (s *Server) Close(code int, reason error) {
	s.last = Progress{Done: true, Code: code}
	if reason != nil {
		s.last.Error = reason.Error()
	}
	close(s.finished)
	s.keeping.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	s.serving.Wait()
	_ = os.Remove(filepath.Dir(s.listener.Addr().String())) // if it is empty
}
