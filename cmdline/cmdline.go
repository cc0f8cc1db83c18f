// Package cmdline reads the command lines of the program and of its commands.
package cmdline

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"

	"tcphealth_exporter/regular"
)

// ErrAnswered means that the command line asked for help or the version, which was printed.
var ErrAnswered = errors.New("answered")

// UsageError is an error in the command line.
type UsageError struct {
	// Err is the error, which names the flag.
	Err error
}

// Error implements error.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the error that names the flag.
func (e *UsageError) Unwrap() error { return e.Err }

// App is a command line whose flags can be declared.
type App struct {
	*kingpin.Application

	answered bool
}

// New returns the command line of a program, or of one of its commands, with flags for
// help and the version, which are printed to stdout. The first word of name is the name of
// the program.
func New(name, help string, stdout io.Writer) *App {
	a := &App{Application: kingpin.New(name, help)}
	a.UsageWriter(stdout).ErrorWriter(stdout).Terminate(func(int) { a.answered = true })
	a.HelpFlag.Short('h')
	a.Flag("version", "Show application version.").PreAction(func(*kingpin.ParseContext) error {
		program, _, _ := strings.Cut(name, " ")
		a.answered = true
		_, err := fmt.Fprintln(stdout, version.Print(program))

		return err
	}).Bool()

	return a
}

// LogFlags declares the flags about the log.
func (a *App) LogFlags(level, format *string) {
	a.Flag("log.level", "Only log messages with the given severity or above: debug, info, warn, error.").
		Default("info").EnumVar(level, "debug", "info", "warn", "error")
	a.Flag("log.format", "Output format of log messages: logfmt, json.").
		Default("logfmt").EnumVar(format, "logfmt", "json")
}

// Parse reads the command line. The error is [ErrAnswered] or a [UsageError].
func (a *App) Parse(args []string) error {
	if err := checkArgumentFiles(args, maxArgumentFiles); err != nil {
		return &UsageError{err}
	}

	_, err := a.Application.Parse(args)

	switch {
	case a.answered:
		return ErrAnswered
	case err != nil:
		return &UsageError{a.nameFlag(args, err)}
	default:
		return nil
	}
}

// maxArgumentFiles is how deep files of arguments may be nested.
const maxArgumentFiles = 4

// checkArgumentFiles returns an error if an argument is the @NAME of a file with arguments,
// which kingpin reads, and the file is not a regular one, or nested deeper than depth.
func checkArgumentFiles(args []string, depth int) error {
	for _, arg := range args {
		name, isFile := strings.CutPrefix(arg, "@")

		switch {
		case arg == "--":
			return nil
		case !isFile:
			continue
		case depth == 0:
			return fmt.Errorf("%s: more than %d nested files of arguments", arg, maxArgumentFiles)
		}

		if err := regular.CheckConfig(name); err != nil {
			return fmt.Errorf("%s: %w", arg, err)
		}

		nested, err := kingpin.ExpandArgsFromFile(name)
		if err != nil {
			return err
		}

		if err := checkArgumentFiles(nested, depth-1); err != nil {
			return err
		}
	}

	return nil
}

// nameFlag adds the name of the flag to an error about its value, which kingpin
// omits.
func (a *App) nameFlag(args []string, err error) error {
	parsed, parseErr := a.ParseContext(args)
	if parseErr != nil {
		return err
	}

	for _, e := range parsed.Elements {
		flag, ok := e.Clause.(*kingpin.FlagClause)
		if !ok || e.Value == nil {
			continue
		}

		if m := flag.Model(); m.Value.Set(*e.Value) != nil {
			return fmt.Errorf("--%s: %w", m.Name, err)
		}
	}

	return err
}
