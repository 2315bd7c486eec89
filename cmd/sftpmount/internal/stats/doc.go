// Package stats counts what programs do on a mount, and how long they wait.
//
// A [Recorder] is told of every request of the kernel and keeps it in fixed
// memory: totals and durations by operation, the last minute by the second, and
// which requests are under way. It costs a request two locks of a mutex that is
// held for some hundred nanoseconds.
package stats
