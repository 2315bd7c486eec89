//go:build race

package integration

// buildFlags make the program under test report data races whenever the tests
// themselves do.
var buildFlags = []string{"-race"}
