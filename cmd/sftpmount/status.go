package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"sftpmount/cmd/sftpmount/internal/status"
	"sftpmount/cmd/sftpmount/internal/watch"
)

const statusUsage = `usage: sftpmount status [--json | --watch] [mountpoint]

Tells how a mount is: the connection, what programs do on it and how long they
wait, what memory is used for, and what is not on the server yet. Without a
mountpoint it tells of all mounts of this user. It works while the link is down.

  --json    for programs: an object, or without a mountpoint a list of them
  --watch   anew every second, until q is pressed
`

func showStatus(args []string) error {
	flags := pflag.NewFlagSet("status", pflag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	again := flags.Bool("watch", false, "")
	places, done, err := parseCommand(flags, statusUsage, args, 1)
	if done || err != nil {
		return err
	}
	if *asJSON && *again {
		return usageError("--json and --watch exclude each other: give one")
	}
	ctx := context.Background()
	answers := status.All(ctx)
	if len(places) == 1 {
		found, err := findMount(answers, places[0])
		if err != nil {
			return err
		}
		answers = []status.Answer{*found}
	}
	switch {
	case *again:
		return watchMount(ctx, answers)
	case *asJSON:
		return writeJSON(answers, len(places) == 1)
	}
	return writeReports(answers)
}

// findMount returns the mount that path is on, whatever that mount's state.
func findMount(answers []status.Answer, path string) (*status.Answer, error) {
	if found, _ := status.Find(answers, path); found != nil {
		return found, nil
	}
	if user := mountOwner(path); user != "" {
		return nil, failure(exitMountpoint, "%s is a mount of user %s, who alone can ask it: "+
			"put sudo -u '#%[2]s' before the command", path, user)
	}
	if err := silentMounts(answers); err != nil {
		return nil, failure(exitMountpoint, "%s is on no mount of this user that answers: %w", path, err)
	}
	return nil, failure(exitMountpoint, "%s is not on a mount of this user: sftpmount list shows them all", path)
}

// mountOwner returns the number of another user who has mounted something on path,
// or nothing.
func mountOwner(path string) string {
	info, found := mountAt(path)
	if !found {
		return ""
	}
	for option := range strings.SplitSeq(info.VFSOptions, ",") {
		if user, ok := strings.CutPrefix(option, "user_id="); ok && user != strconv.Itoa(os.Geteuid()) {
			return user
		}
	}
	return ""
}

// silentMounts is an error about each program that does not answer.
func silentMounts(answers []status.Answer) error {
	var all error
	for _, a := range answers {
		all = errors.Join(all, a.Err)
	}
	return all
}

func watchMount(ctx context.Context, answers []status.Answer) error {
	switch {
	case !isTerminal(os.Stdout):
		return usageError("--watch needs a terminal: use --json, or watch(1)")
	case len(answers) == 0:
		return failure(exitMountpoint, "there is no mount of this user")
	case len(answers) > 1:
		return usageError("there are %d mounts: name one, sftpmount list shows them all", len(answers))
	case answers[0].Err != nil:
		return answers[0].Err
	}
	return watch.Run(ctx, answers[0].Client, answers[0].Report)
}

func writeJSON(answers []status.Answer, single bool) error {
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	if single {
		return out.Encode(answers[0].Report)
	}
	reports := []status.Report{}
	for _, a := range answers {
		if a.Err == nil {
			reports = append(reports, a.Report)
		}
	}
	return errors.Join(out.Encode(reports), silentMounts(answers))
}

func writeReports(answers []status.Answer) error {
	if len(answers) == 0 {
		fmt.Fprintln(os.Stderr, "There is no mount of this user.")
	}
	first := true
	for _, a := range answers {
		if a.Err != nil {
			continue
		}
		if !first {
			fmt.Println()
		}
		first = false
		if err := status.WriteText(os.Stdout, a.Report); err != nil {
			return err
		}
	}
	return silentMounts(answers)
}

const listUsage = `usage: sftpmount list

Lists the mounts of this user: mountpoint, server and state of the connection.
`

func showList(args []string) error {
	_, done, err := parseCommand(pflag.NewFlagSet("list", pflag.ContinueOnError), listUsage, args, 0)
	if done || err != nil {
		return err
	}
	answers := status.All(context.Background())
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, a := range answers {
		if a.Err == nil {
			_, _ = fmt.Fprintln(table, a.Report.Line()) // Flush tells
		}
	}
	return errors.Join(table.Flush(), silentMounts(answers))
}
