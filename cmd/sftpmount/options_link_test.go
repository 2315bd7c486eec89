package main

import (
	"testing"
	"time"
)

func TestLinkOptions(t *testing.T) {
	optionChanges{
		"hard":                  func(o *options) { o.link.hard = true },
		"reconnect_timeout=1.5": func(o *options) { o.link.reconnectTimeout = 1500 * time.Millisecond },
		"no_reconnect":          func(o *options) { o.link.noReconnect = true },
		"reconnect":             func(*options) {},
	}.check(t)
}
