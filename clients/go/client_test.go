package taskgate_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	taskgate "taskgate.example/client"
	taskgatev1 "taskgate.example/client/gen/taskgate/v1"
)

// stagedService answers with response, or with the status code if there is one.
type stagedService struct {
	taskgatev1.UnimplementedAuthorizationServiceServer
	response *taskgatev1.CheckTaskResponse
	code     codes.Code

	request   *taskgatev1.CheckTaskRequest
	metadata  metadata.MD
	remaining time.Duration
}

func (s *stagedService) CheckTask(ctx context.Context, request *taskgatev1.CheckTaskRequest) (*taskgatev1.CheckTaskResponse, error) {
	s.request = request
	s.metadata, _ = metadata.FromIncomingContext(ctx)
	if deadline, ok := ctx.Deadline(); ok {
		s.remaining = time.Until(deadline)
	}
	if s.code != codes.OK {
		return nil, status.Error(s.code, "task-1 of globex")
	}
	return s.response, nil
}

func check() *taskgatev1.CheckTaskRequest {
	return &taskgatev1.CheckTaskRequest{
		Principal: &taskgatev1.Principal{Subject: &taskgatev1.Principal_UserId{UserId: "alice"}, AccountId: "acme"},
		Resource:  &taskgatev1.ResourceRef{Type: "message", Key: &taskgatev1.ResourceRef_Id{Id: "msg-1"}},
		Operation: taskgatev1.Operation_OPERATION_READ,
	}
}

func newClient(t *testing.T, target string, opts ...taskgate.Option) *taskgate.Client {
	t.Helper()
	client, err := taskgate.NewClient(target, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func serve(t *testing.T, opts ...taskgate.Option) (*stagedService, *taskgate.Client) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	service := &stagedService{response: &taskgatev1.CheckTaskResponse{}}
	server := grpc.NewServer()
	taskgatev1.RegisterAuthorizationServiceServer(server, service)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return service, newClient(t, listener.Addr().String(), opts...)
}

func TestDecisions(t *testing.T) {
	service, client := serve(t, taskgate.WithTimeout(5*time.Second))
	for _, test := range []struct {
		decision taskgatev1.Decision
		want     error
	}{
		{taskgatev1.Decision_DECISION_ALLOWED, nil},
		{taskgatev1.Decision_DECISION_NOT_FOUND, taskgate.ErrNotFound},
		{taskgatev1.Decision_DECISION_FORBIDDEN, taskgate.ErrForbidden},
		{taskgatev1.Decision_DECISION_UNSPECIFIED, taskgate.ErrCouldNotTell},
		{99, taskgate.ErrCouldNotTell},
	} {
		service.response = &taskgatev1.CheckTaskResponse{Decision: test.decision, TaskId: "task-1", CheckedAt: "7"}
		allowed, err := client.RequireTask(t.Context(), check())
		if !errors.Is(err, test.want) {
			t.Errorf("%v: %v, want %v", test.decision, err, test.want)
		}
		want := taskgate.Allowed{}
		if test.want == nil {
			want = taskgate.Allowed{TaskID: "task-1", CheckedAt: "7"}
		}
		if allowed != want {
			t.Errorf("%v: %+v, want %+v", test.decision, allowed, want)
		}
	}
}

func TestNoStatusIsAnAnswer(t *testing.T) {
	service, client := serve(t, taskgate.WithTimeout(5*time.Second))
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		service.code = code
		want := taskgate.ErrCouldNotTell
		if code == codes.InvalidArgument {
			want = taskgate.ErrInvalidCheck
		}
		_, err := client.RequireTask(t.Context(), check())
		if !errors.Is(err, want) || errors.Is(err, taskgate.ErrNotFound) || errors.Is(err, taskgate.ErrForbidden) {
			t.Errorf("%v: %v, want %v", code, err, want)
		}
		if strings.Contains(err.Error(), "task-1") {
			t.Errorf("%v: says what taskgate said: %v", code, err)
		}
	}
}

func TestSendsTheCheckItsDeadlineAndTheToken(t *testing.T) {
	service, client := serve(t, taskgate.WithToken(func() string { return "a-token" }), taskgate.WithTimeout(3*time.Second))
	service.response.Decision = taskgatev1.Decision_DECISION_ALLOWED
	if _, err := client.RequireTask(t.Context(), check()); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(service.request, check()) {
		t.Errorf("sent %v", service.request)
	}
	if got := service.metadata.Get("authorization"); len(got) != 1 || got[0] != "Bearer a-token" {
		t.Errorf("sent authorization %q", got)
	}
	if service.remaining <= 0 || service.remaining > 3*time.Second {
		t.Errorf("sent a deadline in %v", service.remaining)
	}
}

func TestAway(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	for _, test := range []struct {
		target, code string
		timeout      time.Duration
	}{
		{silent.Addr().String(), "deadline_exceeded", 200 * time.Millisecond},
		{"127.0.0.1:1", "unavailable", 10 * time.Second},
	} {
		client := newClient(t, test.target, taskgate.WithTimeout(test.timeout))
		started := time.Now()
		_, err := client.RequireTask(t.Context(), check())
		var reason *taskgate.CouldNotTellError
		if !errors.Is(err, taskgate.ErrCouldNotTell) || !errors.As(err, &reason) || reason.Code != test.code {
			t.Errorf("%v, want %s", err, test.code)
		}
		if took := time.Since(started); took > 9*time.Second {
			t.Errorf("took %v", took)
		}
	}
}

func TestRefusesATimeoutThatIsNone(t *testing.T) {
	for _, timeout := range []time.Duration{0, -1, time.Hour} {
		if _, err := taskgate.NewClient("127.0.0.1:1", taskgate.WithTimeout(timeout)); err == nil {
			t.Errorf("took %v", timeout)
		}
	}
}
