package taskgate

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var (
	// ErrNotFound is absent or denied: the two are one answer. Answer 404, as for a page that is not there.
	ErrNotFound = errors.New("taskgate: not found")
	// ErrForbidden says that the principal may not create here, or may read the resource but not do this. Answer 403.
	ErrForbidden = errors.New("taskgate: forbidden")
	// ErrCouldNotTell says that nothing was decided: it is neither allowed nor denied nor absent. Answer 503. The error
	// that a call returns is a *CouldNotTellError, or wraps it.
	ErrCouldNotTell = errors.New("taskgate: could not tell")
	// ErrInvalidCheck says that the check is wrong and will stay wrong: a mistake in the application. Answer 500.
	ErrInvalidCheck = errors.New("taskgate: the check is invalid")
)

// CouldNotTellError is an ErrCouldNotTell with its reason, for logs.
type CouldNotTellError struct {
	// Code is what went wrong, in the words of gRPC: "unavailable", "deadline_exceeded", …
	Code string
	// Err is what the call returned, and may be nil. It says more than a client of the application may know.
	Err error
}

func (e *CouldNotTellError) Error() string { return fmt.Sprintf("%v: %s", ErrCouldNotTell, e.Code) }

// Is makes errors.Is(err, ErrCouldNotTell) true.
func (e *CouldNotTellError) Is(target error) bool { return target == ErrCouldNotTell }

func (e *CouldNotTellError) Unwrap() error { return e.Err }

// fromStatus makes an error of what a call returned. No status code becomes a decision, NotFound neither.
func fromStatus(err error) error {
	code := status.Code(err)
	if code == codes.InvalidArgument {
		return ErrInvalidCheck
	}
	return &CouldNotTellError{Code: wordOf(code), Err: err}
}

// wordOf makes "deadline_exceeded" of DeadlineExceeded.
func wordOf(code codes.Code) string {
	var word strings.Builder
	for i, letter := range code.String() {
		if i > 0 && unicode.IsUpper(letter) {
			word.WriteByte('_')
		}
		word.WriteRune(unicode.ToLower(letter))
	}
	return word.String()
}
