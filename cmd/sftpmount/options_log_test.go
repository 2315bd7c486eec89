package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLogOptions(t *testing.T) {
	dir, err := os.Getwd()
	require.NoError(t, err)
	o, err := parse("h:|/m|-o|log_file=log,log_format=json,slow_log=1.5,audit_log=/var/log/a,metrics=unix:sock")
	require.NoError(t, err)
	assert.Equal(t, logOptions{
		file: filepath.Join(dir, "log"), format: "json", slow: 1500 * time.Millisecond,
		audit: "/var/log/a", metrics: "unix:" + filepath.Join(dir, "sock"),
	}, o.log, "paths are valid in whatever directory the program runs")

	for _, local := range []string{"127.0.0.1:9464", "localhost:9464", "[::1]:9464", "127.8.8.8:1"} {
		_, err := parse("h:|/m|-o|metrics=" + local)
		require.NoError(t, err, local)
	}
	for _, far := range []string{":9464", "0.0.0.0:9464", "[::]:9464", "192.0.2.1:9464", "example.com:9464"} {
		_, err := parse("h:|/m|-o|metrics=" + far)
		require.ErrorContains(t, err, "metrics_exposed", far)
		_, err = parse("h:|/m|-o|metrics_exposed,metrics=" + far)
		require.NoError(t, err, far)
	}
	for args, says := range map[string]string{
		"metrics=9464":                "host:port",
		"metrics=unix:":               "path of a file",
		"audit_log=":                  "path of a file",
		"log=syslog":                  "syslog otherwise",
		"log_format=xml":              "none of text, json",
		"log_format=json":             "needs log_file=FILE",
		"log_format=json,log=journal": "needs log_file=FILE",
		"log=journal,log_file=/a":     "exclude each other",
		"slow_log=soon":               "number of seconds",
		"metrics=unix:/m/sock,metrics_exposed=please": "takes no value",
	} {
		_, err := parse("h:|/m|-o|" + args)
		require.ErrorContains(t, err, says, args)
		assert.Equal(t, exitUsage, exitCode(err))
	}
	_, err = parse("h:|/m|-f|-o|log_format=json")
	require.NoError(t, err)
}
