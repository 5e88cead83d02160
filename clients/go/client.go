// Package taskgate asks taskgate whether a principal may do an operation on a resource.
package taskgate

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	taskgatev1 "taskgate.example/client/gen/taskgate/v1"
)

const (
	// DefaultTimeout is for the whole of a check, connecting included.
	DefaultTimeout = time.Second
	maxTimeout     = time.Minute
)

// Allowed is what an allowed check tells.
type Allowed struct {
	// TaskID is the task that was checked, "" if none was that exists, as with create.
	TaskID string
	// CheckedAt is the revision that decided; good for at_least_as_fresh.
	CheckedAt string
}

// Client is a client of one taskgate, for any number of goroutines. It connects with its first call.
type Client struct {
	// RPC has every RPC, with gRPC's own errors. Its calls have the token, and no deadline but that of their context.
	RPC taskgatev1.AuthorizationServiceClient

	connection *grpc.ClientConn
	timeout    time.Duration
}

type options struct {
	timeout     time.Duration
	token       func() string
	credentials credentials.TransportCredentials
}

// Option changes what a client does by default.
type Option func(*options)

// WithTimeout bounds each check, 1 ms to 1 min. A context that ends earlier ends it earlier. Default DefaultTimeout.
func WithTimeout(timeout time.Duration) Option {
	return func(o *options) { o.timeout = timeout }
}

// WithToken sends a bearer token, asked for before each call so that it can be rotated. Default none.
func WithToken(token func() string) Option {
	return func(o *options) { o.token = token }
}

// WithTransportCredentials speaks TLS. Default plain text.
func WithTransportCredentials(credentials credentials.TransportCredentials) Option {
	return func(o *options) { o.credentials = credentials }
}

// NewClient makes a client of the taskgate at target, "host:port" or "unix:/path".
func NewClient(target string, opts ...Option) (*Client, error) {
	o := options{timeout: DefaultTimeout, credentials: insecure.NewCredentials()}
	for _, option := range opts {
		option(&o)
	}
	if o.timeout < time.Millisecond || o.timeout > maxTimeout {
		return nil, errors.New("taskgate: the timeout must be 1ms to 1m")
	}
	dial := []grpc.DialOption{
		grpc.WithTransportCredentials(o.credentials),
		// A proxy from the environment would see the token.
		grpc.WithNoProxy(),
	}
	if o.token != nil {
		dial = append(dial,
			grpc.WithUnaryInterceptor(sendTokenUnary(o.token)), grpc.WithStreamInterceptor(sendTokenStream(o.token)))
	}
	connection, err := grpc.NewClient(target, dial...)
	if err != nil {
		return nil, err
	}
	rpc := taskgatev1.NewAuthorizationServiceClient(connection)
	return &Client{RPC: rpc, connection: connection, timeout: o.timeout}, nil
}

// RequireTask returns no error if, and only if, the check is allowed. Otherwise the error is ErrNotFound or ErrForbidden
// (it was decided), ErrCouldNotTell (it was not) or ErrInvalidCheck (it never will be); use errors.Is.
func (c *Client) RequireTask(ctx context.Context, check *taskgatev1.CheckTaskRequest) (Allowed, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	response, err := c.RPC.CheckTask(ctx, check)
	if err != nil {
		return Allowed{}, fromStatus(err)
	}
	switch response.GetDecision() {
	case taskgatev1.Decision_DECISION_ALLOWED:
		return Allowed{TaskID: response.GetTaskId(), CheckedAt: response.GetCheckedAt()}, nil
	case taskgatev1.Decision_DECISION_NOT_FOUND:
		return Allowed{}, ErrNotFound
	case taskgatev1.Decision_DECISION_FORBIDDEN:
		return Allowed{}, ErrForbidden
	default:
		// A newer taskgate may say what this client has no word for.
		return Allowed{}, &CouldNotTellError{Code: "unknown_decision"}
	}
}

// Close ends the connection, and every call that waits.
func (c *Client) Close() error { return c.connection.Close() }

func sendTokenUnary(token func() string) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn,
		invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		return invoke(withToken(ctx, token), method, request, reply, connection, opts...)
	}
}

func sendTokenStream(token func() string) grpc.StreamClientInterceptor {
	return func(ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string,
		stream grpc.Streamer, opts ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		return stream(withToken(ctx, token), description, connection, method, opts...)
	}
}

func withToken(ctx context.Context, token func() string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token())
}
