package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The functions here make the set function of an option from the place that it
// sets.

func set[T any](place *T, value T) func(string) error {
	return func(string) error {
		*place = value
		return nil
	}
}

func text(place *string) func(string) error {
	return func(v string) error {
		*place = v
		return nil
	}
}

// seconds takes whole seconds or parts of them.
func seconds(places ...*time.Duration) func(string) error {
	return func(v string) error {
		n, err := strconv.ParseFloat(v, 64)
		if err != nil || !(n >= 0 && n <= 1e9) { // NaN is neither
			return fmt.Errorf("%q is not a number of seconds", v)
		}
		for _, place := range places {
			*place = time.Duration(n * float64(time.Second))
		}
		return nil
	}
}

func number(place *int) func(string) error {
	return func(v string) error {
		n, err := strconv.ParseUint(v, 10, 31)
		if err != nil || n == 0 {
			return fmt.Errorf("%q is not a whole number above 0", v)
		}
		*place = int(n)
		return nil
	}
}

// optionalNumber sets a number whose absence means something.
func optionalNumber(place **uint32, base int) func(string) error {
	return func(v string) error {
		n, err := strconv.ParseUint(v, base, 32)
		if err != nil {
			return fmt.Errorf("%q is not a number to base %d", v, base)
		}
		number := uint32(n)
		*place = &number
		return nil
	}
}

// oneOf takes one of some words.
func oneOf(place *string, words ...string) func(string) error {
	return func(v string) error {
		if !slices.Contains(words, v) {
			return fmt.Errorf("%q is none of %s", v, strings.Join(words, ", "))
		}
		*place = v
		return nil
	}
}

func yesNo(assign func(yes bool)) func(string) error {
	return func(v string) error {
		if v != "yes" && v != "no" {
			return fmt.Errorf("%q is neither yes nor no", v)
		}
		assign(v == "yes")
		return nil
	}
}

// onlyValue accepts the one value that there is.
func onlyValue(value string) func(string) error {
	return func(v string) error {
		if v != value {
			return fmt.Errorf("only %q is supported", value)
		}
		return nil
	}
}
