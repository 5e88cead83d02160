// Command example asks a running `npm start` three things: `go run ./example [gRPC address]`
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	taskgate "taskgate.example/client"
	taskgatev1 "taskgate.example/client/gen/taskgate/v1"
)

func main() {
	target := "127.0.0.1:50051"
	if len(os.Args) > 1 {
		target = os.Args[1]
	}
	client, err := taskgate.NewClient(target, taskgate.WithTimeout(5*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	for _, question := range [][2]string{{"alice", "msg-1"}, {"dave", "msg-1"}, {"dave", "no-such-msg"}} {
		user, message := question[0], question[1]
		allowed, err := client.RequireTask(context.Background(), &taskgatev1.CheckTaskRequest{
			Principal: &taskgatev1.Principal{Subject: &taskgatev1.Principal_UserId{UserId: user}, AccountId: "acme"},
			Resource:  &taskgatev1.ResourceRef{Type: "message", Key: &taskgatev1.ResourceRef_Id{Id: message}},
			Operation: taskgatev1.Operation_OPERATION_READ,
		})
		told := "allowed, on " + allowed.TaskID
		if errors.Is(err, taskgate.ErrNotFound) {
			told = "not found"
		} else if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s reads %s: %s\n", user, message, told)
	}
	if err := client.Close(); err != nil {
		log.Fatal(err)
	}
}
