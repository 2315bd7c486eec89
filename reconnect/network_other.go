//go:build !linux

package reconnect

import (
	"errors"
	"io"
)

func openNetworkNews() (io.ReadCloser, error) { return nil, errors.ErrUnsupported }

func isOverflow(error) bool { return false }
